//! Cookies (RFC 6265): those that a request brings, and those that an answer sets.

use witgate_plugin::{Request, Result};

use crate::site::Site;

/// What one cookie may hold so that every browser takes it, name and attributes included.
const CHUNK: usize = 3800;

/// More than a few of them make heads longer than servers take.
const MOST_CHUNKS: usize = 5;

/// The cookies of a request, in order.
#[derive(Debug, Default)]
pub(crate) struct Cookies(Vec<(String, String)>);

impl Cookies {
    pub(crate) fn read(request: &Request) -> Self {
        let fields = request.header_values("cookie");
        let mut cookies = Vec::new();
        for field in &fields {
            for pair in String::from_utf8_lossy(field).split(';') {
                if let Some((name, value)) = pair.trim().split_once('=') {
                    cookies.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        Self(cookies)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Name and value of those whose names begin so.
    pub(crate) fn beginning<'c>(
        &'c self,
        prefix: &'c str,
    ) -> impl Iterator<Item = (&'c str, &'c str)> {
        let all = self.0.iter();
        all.filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A value that [`chunked`] made; empty if parts of it are missing.
    pub(crate) fn whole(&self, name: &str) -> Option<String> {
        let first = self.get(name)?;
        Some(self.joined(name, first).unwrap_or_default())
    }

    fn joined(&self, name: &str, first: &str) -> Option<String> {
        let (count, first) = first.split_once('.')?;
        let count: usize = count.parse().ok().filter(|count| *count <= MOST_CHUNKS)?;
        let mut whole = first.to_owned();
        for index in 1..count {
            whole.push_str(self.get(&format!("{name}.{index}"))?);
        }
        Some(whole)
    }

    /// Takes the cookies away that are the gateway's, and nothing else.
    pub(crate) fn strip(request: &mut Request, name: &str) -> Result<()> {
        let cookies = Self::read(request);
        let own = |known: &str| {
            let known = known.strip_prefix("__Host-").unwrap_or(known);
            let rest = known.strip_prefix(name);
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('.') || rest.starts_with(ATTEMPT)
            })
        };
        if !cookies.0.iter().any(|(known, _)| own(known)) {
            return Ok(());
        }
        let others = cookies.0.iter().filter(|(known, _)| !own(known));
        let others = others.map(|(name, value)| format!("{name}={value}"));
        let others = others.collect::<Vec<_>>().join("; ");
        if others.is_empty() {
            request.remove_header("cookie")?;
        } else {
            request.set_header("cookie", others)?;
        }
        Ok(())
    }
}

/// What follows the session's name in the name of a login under way, before its number.
pub(crate) const ATTEMPT: &str = "-login-";

/// A value of `set-cookie`: for this origin only, out of reach of scripts, and not sent along with what other sites
/// fetch; it is sent when they lead here.
pub(crate) fn set(site: &Site, name: &str, value: &str, seconds: u64) -> String {
    let secure = if site.secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age={seconds}")
}

pub(crate) fn remove(site: &Site, name: &str) -> String {
    set(site, name, "", 0)
}

/// The cookies that hold a value, of any length that [`Cookies::whole`] takes; none for a longer one. Those that held
/// one before and are not needed now are removed.
pub(crate) fn chunked(
    site: &Site,
    before: &Cookies,
    name: &str,
    value: &str,
    seconds: u64,
) -> Option<Vec<String>> {
    let chunks = value.as_bytes().chunks(CHUNK).map(String::from_utf8_lossy);
    let count = chunks.len();
    if count > MOST_CHUNKS {
        return None;
    }
    let mut cookies = Vec::new();
    for (index, chunk) in chunks.enumerate() {
        cookies.push(match index {
            0 => set(site, name, &format!("{count}.{chunk}"), seconds),
            _ => set(site, &format!("{name}.{index}"), &chunk, seconds),
        });
    }
    cookies.extend(remove_chunks(site, before, name, count));
    Some(cookies)
}

/// Removes what [`chunked`] set, from this part on.
pub(crate) fn remove_chunks(site: &Site, before: &Cookies, name: &str, from: usize) -> Vec<String> {
    let parts = (from..MOST_CHUNKS).map(|index| match index {
        0 => name.to_owned(),
        _ => format!("{name}.{index}"),
    });
    parts
        .filter(|part| before.get(part).is_some())
        .map(|part| remove(site, &part))
        .collect()
}
