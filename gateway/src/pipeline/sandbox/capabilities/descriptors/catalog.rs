//! What every declared name stands for at one time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::{config::problem::closest, pipeline::sandbox::compile};

/// One schema: a `google.protobuf.FileDescriptorSet`.
#[derive(PartialEq, Eq)]
pub struct Schema {
    digest: Box<str>,
    bytes: Box<[u8]>,
}

impl Schema {
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

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.digest)
    }
}

/// What one name stands for.
#[derive(Clone, Debug)]
pub enum Entry {
    Ready(Arc<Schema>),
    /// Nothing yet, and why. Whoever needs it waits.
    Awaited(Arc<str>),
}

/// What every declared name stands for at one time.
#[derive(Clone, Debug, Default)]
pub struct Catalog(BTreeMap<Arc<str>, Entry>);

impl Catalog {
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        self.0.iter()
    }

    /// Whether the name is declared, and its content not there yet.
    pub fn awaits(&self, name: &str) -> Option<&Arc<str>> {
        match self.0.get(name) {
            Some(Entry::Awaited(why)) => Some(why),
            _ => None,
        }
    }

    /// Whether the name stands for the same in both. Two that are awaited are the same, whatever they wait for.
    pub fn agrees(&self, other: &Self, name: &str) -> bool {
        match (self.0.get(name), other.0.get(name)) {
            (Some(Entry::Ready(one)), Some(Entry::Ready(two))) => one.digest == two.digest,
            (Some(Entry::Awaited(_)), Some(Entry::Awaited(_))) | (None, None) => true,
            _ => false,
        }
    }

    /// The names that do not stand for the same in both.
    pub fn differences<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a Arc<str>> {
        let names = self.0.keys().chain(other.0.keys());
        names.filter(|name| !self.agrees(other, name)).collect()
    }

    /// The same, with what `other` has under this name.
    #[must_use]
    pub fn with(&self, name: &Arc<str>, other: &Self) -> Self {
        let mut all = self.0.clone();
        match other.0.get(name) {
            Some(entry) => all.insert(Arc::clone(name), entry.clone()),
            None => all.remove(name),
        };
        Self(all)
    }

    /// Nothing but these names.
    pub(in crate::pipeline::sandbox) fn only(&self, names: &BTreeSet<String>) -> Self {
        let mut all = self.0.clone();
        all.retain(|name, _| names.contains(&**name));
        Self(all)
    }

    pub(super) fn open(&self, name: &str) -> Result<Arc<Schema>, String> {
        match self.0.get(name) {
            Some(Entry::Ready(schema)) => Ok(Arc::clone(schema)),
            Some(Entry::Awaited(why)) => {
                Err(format!("the descriptors `{name}` are not there yet: {why}"))
            }
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let declared = || self.0.keys().map(|known| &**known);
        let list = declared().collect::<Vec<_>>().join(", ");
        let declare = "declare them under `descriptors` in witgate.yaml";
        if list.is_empty() {
            return format!("no descriptors are called `{name}`; {declare}");
        }
        let hint = match closest(name, declared()) {
            Some(closest) => format!("did you mean `{closest}`?"),
            None => declare.to_owned(),
        };
        format!("no descriptors are called `{name}`; {hint} (declared: {list})")
    }
}

impl FromIterator<(Arc<str>, Entry)> for Catalog {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Entry)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(entries: &[(&str, &str)]) -> Catalog {
        let entry = |(name, content): &(&str, &str)| {
            let entry = match *content {
                "" => Entry::Awaited("the server is down".into()),
                content => Entry::Ready(Arc::new(Schema::new(content.into()))),
            };
            (Arc::from(*name), entry)
        };
        entries.iter().map(entry).collect()
    }

    #[test]
    fn names_that_stand_for_other_content_are_told() {
        let before = catalog(&[("a", "1"), ("b", "1"), ("c", ""), ("d", "")]);
        let after = catalog(&[("a", "1"), ("b", "2"), ("c", ""), ("d", "1"), ("e", "")]);
        let names: Vec<_> = before.differences(&after).into_iter().collect();
        assert_eq!(names, [&"b".into(), &"d".into(), &"e".into()]);
        let mixed = before.with(&"b".into(), &after);
        assert!(mixed.agrees(&after, "b") && mixed.agrees(&before, "d"));
    }

    #[test]
    fn a_name_that_is_not_there_is_told_from_one_that_is_not_there_yet() {
        let catalog = catalog(&[("books", "1"), ("orders", "")]);
        assert_eq!(catalog.open("books").unwrap().bytes(), b"1");
        assert_eq!(
            catalog.open("book").unwrap_err(),
            "no descriptors are called `book`; did you mean `books`? (declared: books, orders)"
        );
        let awaited = catalog.open("orders").unwrap_err();
        assert_eq!(
            awaited,
            "the descriptors `orders` are not there yet: the server is down"
        );
        assert!(
            Catalog::default()
                .open("x")
                .unwrap_err()
                .contains("declare")
        );
    }
}
