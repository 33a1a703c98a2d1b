//! Keys that stand in their mapping twice.

use std::collections::{HashMap, HashSet};

use super::{Builder, Document, Id};
use crate::config::problem::Problem;

/// Problems of this kind beyond which nothing new is said.
const MOST_PROBLEMS: usize = 100;

impl Builder<'_, '_> {
    /// Reports keys that stand in this mapping twice. Most mappings are too small to be worth a hash table.
    pub(super) fn find_repeated(&mut self, mapping: Id) {
        let document = std::mem::take(&mut self.nodes);
        let document = Document {
            nodes: document,
            repeated: HashSet::new(),
        };
        let mut small: [(&str, Id); 12] = [("", 0); 12];
        let mut many = HashMap::new();
        for (index, (key, _)) in document.entries(mapping).enumerate() {
            let Some(name) = document.text(key) else {
                continue;
            };
            let known = if index < small.len() {
                let known = small[..index]
                    .iter()
                    .find(|(other, _)| *other == name)
                    .map(|(_, id)| *id);
                small[index] = (name, key);
                known
            } else {
                if many.is_empty() {
                    many.extend(small);
                }
                many.insert(name, key)
            };
            if let Some(first) = known {
                self.repeated.insert(key);
                if self.problems.len() >= MOST_PROBLEMS {
                    continue;
                }
                self.problems.push(
                    Problem::error(
                        self.file,
                        document.node(key).span,
                        format!("`{name}` stands here twice"),
                    )
                    .hint("keep one of the two")
                    .related(
                        self.file,
                        document.node(first).span,
                        "the first is here",
                    ),
                );
            }
        }
        self.nodes = document.nodes;
    }
}
