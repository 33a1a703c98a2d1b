//! From a document to a value, with all problems at once.
//!
//! Serde stops at the first error. So a document with an error is read again without the entry that was at fault,
//! and again, until nothing more is found. What was found good before the fault is passed over in lists and maps, so
//! that all passes together cost little more than one.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use serde::de::DeserializeOwned;

use super::{
    Document, Id,
    de::Deserializer,
    error::{Error, Kind},
    expected,
};
use crate::config::problem::Problem;

/// Problems of one file beyond which reading it ends.
const MOST_PROBLEMS: usize = 100;

/// Which parts of a document a pass leaves out.
#[derive(Debug)]
pub(super) struct Pass {
    /// Entries at fault: keys of mappings, items of lists.
    pruned: HashSet<Id>,
    /// What ends up to here has been judged.
    judged: Id,
}

impl Pass {
    /// Whether the entry that begins and ends at these nodes is left out. All entries of a `structure` are read
    /// again in each pass: it would miss them.
    pub(super) fn skips(&self, begin: Id, end: Id, structure: bool) -> bool {
        (!structure && end <= self.judged)
            || (!self.pruned.is_empty() && self.pruned.contains(&begin))
    }
}

/// Reads the whole document as one value, or says all that is wrong with it.
pub(in crate::config) fn read<T: DeserializeOwned>(
    document: &Document<'_>,
    file: &Arc<PathBuf>,
) -> Result<T, Vec<Problem>> {
    let mut search = Search {
        document,
        file,
        pass: Pass {
            pruned: document.repeated.clone(),
            judged: 0,
        },
        typos: HashSet::new(),
        problems: Vec::new(),
    };
    loop {
        match T::deserialize(Deserializer::root(document, &search.pass)) {
            Ok(value) if search.problems.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => {
                if !search.note(&error) || search.problems.len() >= MOST_PROBLEMS {
                    break;
                }
            }
        }
    }
    Err(search.problems)
}

struct Search<'d, 'a> {
    document: &'d Document<'a>,
    file: &'d Arc<PathBuf>,
    pass: Pass,
    /// Keys that a mapping has under a misspelt name.
    typos: HashSet<(Id, &'static str)>,
    problems: Vec<Problem>,
}

impl Search<'_, '_> {
    /// Records an error and prunes its entry; whether another pass may find more.
    fn note(&mut self, error: &Error) -> bool {
        let node = error.node.unwrap_or(0);
        let place = self.place(node);
        if !self.is_consequence(error, node) {
            self.record(error, node);
        }
        let Some(Place { parent, entry, end }) = place else {
            return false;
        };
        if let Kind::UnknownKey(Some(meant)) = error.kind {
            self.typos.insert((parent, meant));
        }
        self.pass.judged = self.pass.judged.max(end);
        self.pass.pruned.insert(entry)
    }

    /// Whether the error is there only because something was pruned before.
    fn is_consequence(&self, error: &Error, node: Id) -> bool {
        match error.kind {
            Kind::MissingKey(name) => {
                self.typos.contains(&(node, name))
                    || (self.document.is_mapping(node)
                        && self
                            .document
                            .entries(node)
                            .any(|(key, _)| self.document.text(key) == Some(name)))
            }
            Kind::UnknownKey(_) => false,
            Kind::Custom | Kind::Value => {
                self.document.text(node).is_none() && node < self.pass.judged
            }
        }
    }

    fn record(&mut self, error: &Error, node: Id) {
        let span = self.document.node(node).span;
        let message = match (&error.kind, self.document.text(node)) {
            (Kind::Custom, Some(text)) => {
                format!(
                    "`{}` cannot be used: {}",
                    expected::excerpt(text),
                    error.message
                )
            }
            _ => error.message.clone(),
        };
        // The same value can be met again where an alias stands for it.
        if self
            .problems
            .iter()
            .any(|known| known.span == span && known.message == message)
        {
            return;
        }
        let mut problem = Problem::error(self.file, span, message);
        problem.hint.clone_from(&error.hint);
        self.problems.push(problem);
    }

    /// The entry that a node belongs to; none for the root.
    fn place(&self, node: Id) -> Option<Place> {
        if node == 0 {
            return None;
        }
        let document = self.document;
        let mut parent = 0;
        loop {
            let child = document
                .children(parent)
                .find(|child| node < document.node(*child).end)?;
            if document.is_mapping(parent) {
                let (entry, value) = document
                    .entries(parent)
                    .find(|(_, value)| node < document.node(*value).end)?;
                let end = document.node(value).end;
                if node == entry || node == value {
                    return Some(Place { parent, entry, end });
                }
            } else if child == node {
                let end = document.node(child).end;
                return Some(Place {
                    parent,
                    entry: child,
                    end,
                });
            }
            parent = child;
        }
    }
}

struct Place {
    parent: Id,
    entry: Id,
    end: Id,
}
