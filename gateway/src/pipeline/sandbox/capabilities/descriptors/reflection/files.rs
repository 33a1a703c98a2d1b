//! The files that a server sends, put in order.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost_types::FileDescriptorProto;

use crate::pipeline::sandbox::capabilities::descriptors::MOST_BYTES;

/// More files than any service has.
const MOST_FILES: usize = 2_000;

/// The files that came, by name.
#[derive(Default)]
pub(super) struct Files {
    all: BTreeMap<String, (Vec<u8>, Vec<String>)>,
    missing: BTreeSet<String>,
    bytes: usize,
}

impl Files {
    pub(super) fn add(&mut self, files: Vec<Vec<u8>>) -> Result<(), String> {
        for bytes in files {
            let file = FileDescriptorProto::decode(&*bytes)
                .map_err(|error| format!("the server sent what is no descriptor: {error}"))?;
            let name = file.name().to_owned();
            if self.all.contains_key(&name) {
                continue;
            }
            self.bytes += bytes.len();
            if self.bytes > MOST_BYTES || self.all.len() >= MOST_FILES {
                return Err(format!(
                    "the server has more than {} MiB or {MOST_FILES} files; name the `services`",
                    MOST_BYTES >> 20
                ));
            }
            self.missing.remove(&name);
            let unknown = |name: &&String| !self.all.contains_key(*name);
            let missing = file.dependency.iter().filter(unknown);
            self.missing
                .extend(missing.filter(|it| **it != name).cloned());
            self.all.insert(name, (bytes, file.dependency));
        }
        Ok(())
    }

    pub(super) fn missing(&self) -> Option<String> {
        self.missing.first().cloned()
    }

    pub(super) fn must_have(&self, name: &str) -> Result<(), String> {
        match self.all.contains_key(name) {
            true => Ok(()),
            false => Err(format!("the server answered another file than `{name}`")),
        }
    }

    /// A `FileDescriptorSet`, every file after those that it imports.
    pub(super) fn in_order(&self) -> Result<Vec<u8>, String> {
        let mut out = Vec::with_capacity(self.bytes + 8 * self.all.len());
        let mut done = BTreeSet::new();
        for name in self.all.keys() {
            // A path through the imports; each entry says how many of its own have been looked at.
            let mut path = vec![(name.as_str(), 0)];
            while let Some((name, looked)) = path.pop() {
                if done.contains(name) {
                    continue;
                }
                let Some((bytes, imports)) = self.all.get(name) else {
                    continue;
                };
                match imports.get(looked) {
                    Some(import) if path.iter().any(|(open, _)| open == import) => {
                        return Err(format!("`{name}` and `{import}` import each other"));
                    }
                    Some(import) => path.extend([(name, looked + 1), (import.as_str(), 0)]),
                    None => {
                        done.insert(name);
                        // Field 1, a message.
                        out.push(0x0a);
                        prost::encoding::encode_varint(bytes.len() as u64, &mut out);
                        out.extend_from_slice(bytes);
                    }
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FileDescriptorSet;

    use super::*;

    fn file(name: &str, imports: &[&str]) -> Vec<u8> {
        let file = FileDescriptorProto {
            name: Some(name.into()),
            dependency: imports.iter().map(|&name| name.into()).collect(),
            ..FileDescriptorProto::default()
        };
        file.encode_to_vec()
    }

    #[test]
    fn files_come_after_what_they_import() {
        let mut files = Files::default();
        files.add(vec![file("a", &["c", "b"])]).unwrap();
        assert_eq!(files.missing().unwrap(), "b");
        files.add(vec![file("b", &["c"]), file("c", &[])]).unwrap();
        assert_eq!(files.missing(), None);
        let set = FileDescriptorSet::decode(&*files.in_order().unwrap()).unwrap();
        let names: Vec<_> = set.file.iter().map(FileDescriptorProto::name).collect();
        assert_eq!(names, ["c", "b", "a"]);
    }

    #[test]
    fn a_circle_is_refused() {
        let mut files = Files::default();
        let circle = vec![file("a", &["b"]), file("b", &["a"]), file("c", &["c"])];
        files.add(circle).unwrap();
        assert!(files.in_order().unwrap_err().contains("import each other"));
    }

    #[test]
    fn there_is_an_end_to_what_a_server_may_send() {
        let mut files = Files::default();
        let many = (0..=MOST_FILES).map(|number| file(&number.to_string(), &[]));
        let error = files.add(many.collect()).unwrap_err();
        assert!(error.contains("name the `services`"), "{error}");
    }
}
