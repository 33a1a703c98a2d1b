//! A YAML file as a tree that knows where each part was written.
//!
//! The nodes lie in one vector in the order of the file, each before its children: a tree of a hundred thousand
//! routes is one allocation, and its texts are borrowed from the file wherever they need no unescaping.

use std::{borrow::Cow, collections::HashSet};

use super::span::Span;

mod de;
mod error;
mod expected;
mod parse;
mod read;
mod scalar;

pub(super) use parse::{Limits, parse};
pub(super) use read::read;
use scalar::Scalar;

/// The index of a node in its document.
type Id = u32;

/// One YAML document; node 0 is its root.
#[derive(Debug)]
pub(super) struct Document<'a> {
    nodes: Vec<Node<'a>>,
    /// Keys that stand a second time in their mapping; already reported.
    repeated: HashSet<Id>,
}

#[derive(Clone, Debug)]
struct Node<'a> {
    span: Span,
    /// The first node that is not below this one.
    end: Id,
    data: Data<'a>,
}

#[derive(Clone, Debug)]
enum Data<'a> {
    /// Its meaning follows from its looks.
    Plain(Cow<'a, str>),
    /// Text, whatever it looks like.
    Quoted(Cow<'a, str>),
    Sequence,
    /// Keys and values in turn.
    Mapping,
}

impl<'a> Document<'a> {
    fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id as usize]
    }

    /// The nodes directly below one, in order.
    fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let (mut next, end) = (id + 1, self.node(id).end);
        std::iter::from_fn(move || {
            let child = next;
            (child < end).then(|| {
                next = self.node(child).end;
                child
            })
        })
    }

    /// Keys and values of a mapping, in order.
    fn entries(&self, id: Id) -> impl Iterator<Item = (Id, Id)> + '_ {
        self.children(id)
            .step_by(2)
            .map(|key| (key, self.node(key).end))
    }

    /// The text of a scalar as it was written, without quotes.
    fn text(&self, id: Id) -> Option<&str> {
        match &self.node(id).data {
            Data::Plain(text) | Data::Quoted(text) => Some(text),
            Data::Sequence | Data::Mapping => None,
        }
    }

    fn is_mapping(&self, id: Id) -> bool {
        matches!(self.node(id).data, Data::Mapping)
    }
}

#[cfg(test)]
mod tests;
