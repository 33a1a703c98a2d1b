//! What every declared name stands for at one time, for things whose content is part of a configuration: descriptors and
//! files.
//!
//! A [`Catalog`] never changes. A configuration is parsed with one, and keeps what it opened for as long as it lives: new
//! content makes another catalog, and with it another configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::{config::problem::closest, pipeline::sandbox::compile};

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A `google.protobuf.FileDescriptorSet`.
    Descriptors,
    /// A file as it is.
    File,
}

/// A name among those of its kind.
pub type Name = (Kind, Arc<str>);

/// What stands behind a name.
#[derive(PartialEq, Eq)]
pub struct Content {
    digest: Box<str>,
    bytes: Box<[u8]>,
}

impl Content {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            digest: compile::hex(&compile::hash(&bytes)).into(),
            bytes: bytes.into(),
        }
    }

    /// SHA-256 in lower-case hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Never the bytes: a file may hold digests of passwords.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({})", self.digest)
    }
}

/// What one name stands for.
#[derive(Clone, Debug)]
pub enum Entry {
    Ready(Arc<Content>),
    /// Nothing yet, and why. Whoever needs it waits.
    Awaited(Arc<str>),
}

/// What every declared name stands for at one time.
#[derive(Clone, Debug, Default)]
pub struct Catalog(BTreeMap<Name, Entry>);

impl Catalog {
    pub fn get(&self, name: &Name) -> Option<&Entry> {
        self.0.get(name)
    }

    /// With everything that `other` has, too.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let all = self.0.iter().chain(&other.0);
        Self(
            all.map(|(name, entry)| (name.clone(), entry.clone()))
                .collect(),
        )
    }

    /// In the order of their names, kind by kind.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Entry)> {
        self.0.iter()
    }

    /// Whether the name is declared, and its content not there yet.
    pub fn awaits(&self, name: &Name) -> Option<&Arc<str>> {
        match self.0.get(name) {
            Some(Entry::Awaited(why)) => Some(why),
            _ => None,
        }
    }

    /// Whether the name stands for the same in both. Two that are awaited are the same, whatever they wait for.
    pub fn agrees(&self, other: &Self, name: &Name) -> bool {
        match (self.0.get(name), other.0.get(name)) {
            (Some(Entry::Ready(one)), Some(Entry::Ready(two))) => one.digest == two.digest,
            (Some(Entry::Awaited(_)), Some(Entry::Awaited(_))) | (None, None) => true,
            _ => false,
        }
    }

    /// The names that do not stand for the same in both.
    pub fn differences<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a Name> {
        let names = self.0.keys().chain(other.0.keys());
        names.filter(|name| !self.agrees(other, name)).collect()
    }

    /// The same, with what `other` has under this name.
    #[must_use]
    pub fn with(&self, name: &Name, other: &Self) -> Self {
        let mut all = self.0.clone();
        match other.0.get(name) {
            Some(entry) => all.insert(name.clone(), entry.clone()),
            None => all.remove(name),
        };
        Self(all)
    }

    /// Nothing but these names.
    pub(in crate::pipeline::sandbox) fn only(&self, names: &BTreeSet<Name>) -> Self {
        let mut all = self.0.clone();
        all.retain(|name, _| names.contains(name));
        Self(all)
    }

    pub(super) fn open(&self, name: &Name) -> Result<Arc<Content>, String> {
        match self.0.get(name) {
            Some(Entry::Ready(schema)) => Ok(Arc::clone(schema)),
            Some(Entry::Awaited(why)) => Err(format!("{} are not there yet: {why}", Shown(name))),
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, (kind, name): &Name) -> String {
        let names = self.0.keys().filter(|(other, _)| other == kind);
        let declared = || names.clone().map(|(_, known)| &**known);
        let list = declared().collect::<Vec<_>>().join(", ");
        let (nothing, declare) = match kind {
            Kind::Descriptors => ("no descriptors are", "declare them under `descriptors`"),
            Kind::File => ("no file is", "declare it under `files`"),
        };
        if list.is_empty() {
            return format!("{nothing} called `{name}`; {declare} in witgate.yaml");
        }
        let hint = match closest(name, declared()) {
            Some(closest) => format!("did you mean `{closest}`?"),
            None => format!("{declare} in witgate.yaml"),
        };
        format!("{nothing} called `{name}`; {hint} (declared: {list})")
    }
}

/// A name in a sentence.
pub struct Shown<'a>(pub &'a Name);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            (Kind::Descriptors, name) => write!(f, "the descriptors `{name}`"),
            (Kind::File, name) => write!(f, "the file `{name}`"),
        }
    }
}

/// What one instance may open, while it parses a configuration and no longer.
#[derive(Default)]
pub(in crate::pipeline::sandbox) struct Opening {
    pub(in crate::pipeline::sandbox) catalog: Option<Arc<Catalog>>,
    /// The names that it asked for, whether they were there or not.
    pub(in crate::pipeline::sandbox) asked: BTreeSet<Name>,
}

impl Opening {
    pub(in crate::pipeline::sandbox) fn of(catalog: &Arc<Catalog>) -> Self {
        Self {
            catalog: Some(Arc::clone(catalog)),
            asked: BTreeSet::new(),
        }
    }

    /// What a name stands for in the configuration that is being parsed.
    pub(super) fn open(&mut self, kind: Kind, name: &str) -> Result<Arc<Content>, String> {
        let Some(catalog) = &self.catalog else {
            let what = match kind {
                Kind::Descriptors => "descriptors",
                Kind::File => "files",
            };
            return Err(format!(
                "{what} are opened while a configuration is parsed, not later"
            ));
        };
        let name = (kind, name.into());
        let opened = catalog.open(&name);
        self.asked.insert(name);
        opened
    }
}

impl FromIterator<(Name, Entry)> for Catalog {
    fn from_iter<I: IntoIterator<Item = (Name, Entry)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptors(name: &str) -> Name {
        (Kind::Descriptors, name.into())
    }

    fn catalog(entries: &[(&str, &str)]) -> Catalog {
        let entry = |(name, content): &(&str, &str)| {
            let entry = match *content {
                "" => Entry::Awaited("the server is down".into()),
                content => Entry::Ready(Arc::new(Content::new(content.into()))),
            };
            (descriptors(name), entry)
        };
        entries.iter().map(entry).collect()
    }

    #[test]
    fn names_that_stand_for_other_content_are_told() {
        let before = catalog(&[("a", "1"), ("b", "1"), ("c", ""), ("d", "")]);
        let after = catalog(&[("a", "1"), ("b", "2"), ("c", ""), ("d", "1"), ("e", "")]);
        let names: Vec<_> = before.differences(&after).into_iter().collect();
        assert_eq!(
            names,
            [&descriptors("b"), &descriptors("d"), &descriptors("e")]
        );
        let mixed = before.with(&descriptors("b"), &after);
        assert!(
            mixed.agrees(&after, &descriptors("b")) && mixed.agrees(&before, &descriptors("d"))
        );
    }

    #[test]
    fn a_name_that_is_not_there_is_told_from_one_that_is_not_there_yet() {
        let catalog = catalog(&[("books", "1"), ("orders", "")]);
        assert_eq!(catalog.open(&descriptors("books")).unwrap().bytes(), b"1");
        assert_eq!(
            catalog.open(&descriptors("book")).unwrap_err(),
            "no descriptors are called `book`; did you mean `books`? (declared: books, orders)"
        );
        let awaited = catalog.open(&descriptors("orders")).unwrap_err();
        assert_eq!(
            awaited,
            "the descriptors `orders` are not there yet: the server is down"
        );
        assert!(
            Catalog::default()
                .open(&descriptors("x"))
                .unwrap_err()
                .contains("declare")
        );
    }
}
