//! The file of keys: every line judged once, and found again by its digest.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use witgate_plugin::{Identity, IdentityFields};

use crate::line::{Digest, Flaw, Kind, Line};

/// Flaws that are told; what comes after them is only counted.
const MOST_FLAWS: usize = 10;

/// Holders of keys that are remembered as the gateway knows them.
const MOST_KNOWN: usize = 1_000;

/// All keys. Only the digests are taken apart: a line is read again when its key is first used.
pub(crate) struct Keys {
    text: String,
    /// Sorted. Where the line is in the text.
    lines: Vec<(Kind, Digest, u32, u32)>,
    /// By the place of the line.
    known: RefCell<BTreeMap<u32, Rc<Holder>>>,
}

/// Who has a key.
pub(crate) struct Holder {
    pub(crate) identity: Identity,
    pub(crate) scopes: Vec<String>,
    /// Seconds since 1970.
    pub(crate) expires: Option<u64>,
}

impl Keys {
    /// # Errors
    /// What is wrong, line by line.
    pub(crate) fn parse(content: Vec<u8>) -> Result<Self, Vec<String>> {
        let Ok(text) = String::from_utf8(content) else {
            return Err(vec![String::from("it is not UTF-8")]);
        };
        let (mut lines, mut flaws) = (Vec::new(), Flaws::default());
        for (number, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let start = line.as_ptr() as usize - text.as_ptr() as usize;
            match judge(line) {
                Ok((kind, digest)) => lines.push((kind, digest, number, start, line.len())),
                Err(flaw) => flaws.add(format!("line {} {flaw}", number + 1)),
            }
        }
        lines.sort_unstable();
        for pair in lines.windows(2) {
            let [(kind, digest, first, ..), (other_kind, other, second, ..)] = pair else {
                continue;
            };
            if (kind, digest) == (other_kind, other) {
                let (first, second) = (first + 1, second + 1);
                flaws.add(format!("lines {first} and {second} have the same key"));
            }
        }
        flaws.none()?;
        // A file has at most 4 MiB.
        let place = |it| u32::try_from(it).unwrap_or(u32::MAX);
        let lines = lines
            .into_iter()
            .map(|(kind, digest, _, start, length)| (kind, digest, place(start), place(length)))
            .collect();
        Ok(Self {
            text,
            lines,
            known: RefCell::default(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether there are digests of this kind.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.lines.iter().any(|(other, ..)| *other == kind)
    }

    /// Whoever has the key with this digest.
    ///
    /// # Errors
    /// When the gateway makes no identity of the line.
    pub(crate) fn find(&self, kind: Kind, digest: &[u8]) -> Result<Option<Rc<Holder>>, String> {
        let found = self
            .lines
            .binary_search_by(|(other, known, ..)| (*other, &known[..]).cmp(&(kind, digest)));
        let Some((_, _, start, length)) = found.ok().and_then(|n| self.lines.get(n)) else {
            return Ok(None);
        };
        if let Some(known) = self.known.borrow().get(start) {
            return Ok(Some(Rc::clone(known)));
        }
        let start_byte = *start as usize;
        let line = &self.text[start_byte..start_byte + *length as usize];
        let holder = Rc::new(Holder::of(line)?);
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(*start, Rc::clone(&holder));
        Ok(Some(holder))
    }
}

impl Holder {
    fn of(line: &str) -> Result<Self, String> {
        let line = Line::parse(line).map_err(|flaw| flaw.to_string())?;
        let expires = line.expires().map_err(|flaw| flaw.to_string())?;
        let identity = Identity::new(IdentityFields {
            scheme: String::from("api-key"),
            consumer: Some(line.consumer),
            tenant: line.tenant,
            scopes: line.scopes.clone(),
            claims: serde_json::Value::Object(line.claims).to_string(),
            ..IdentityFields::default()
        })?;
        Ok(Self {
            identity,
            scopes: line.scopes,
            expires,
        })
    }
}

/// What makes a line one that can be used later without surprises.
fn judge(line: &str) -> Result<(Kind, Digest), String> {
    let told = |flaw: Flaw| flaw.to_string();
    let parsed = Line::parse(line).map_err(told)?;
    parsed.expires().map_err(told)?;
    let digest = parsed.digest().map_err(told)?;
    // The gateway knows what an identity may be; the handle is dropped at once.
    Holder::of(line).map_err(|why| format!("names nobody that can be told: {why}"))?;
    Ok(digest)
}

#[derive(Default)]
struct Flaws {
    told: Vec<String>,
    more: usize,
}

impl Flaws {
    fn add(&mut self, flaw: String) {
        if self.told.len() < MOST_FLAWS {
            self.told.push(flaw);
        } else {
            self.more += 1;
        }
    }

    fn none(mut self) -> Result<(), Vec<String>> {
        if self.more > 0 {
            self.told.push(format!("{} more like these", self.more));
        }
        match self.told.is_empty() {
            true => Ok(()),
            false => Err(self.told),
        }
    }
}
