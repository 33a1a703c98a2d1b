//! From text to a [`Document`]: the limits, one document to a file, no key twice, aliases resolved.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{Data, Document, Id, Node, Scalar};
use crate::config::{problem::Problem, span::Span};

mod alias;
mod refuse;
mod repeated;

/// What one file may ask of the machine that reads it.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Limits {
    /// Collections inside each other.
    pub(super) depth: usize,
    /// Scalars and collections.
    pub(super) nodes: usize,
    /// Of those, the ones that aliases stand for.
    pub(super) aliased: usize,
    /// Bytes of text that aliases stand for.
    pub(super) aliased_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            nodes: 5_000_000,
            aliased: 100_000,
            aliased_bytes: 16 << 20,
        }
    }
}

/// Parses one file. Without a document, the problems say why; with one, they do not keep it from being read.
pub(in crate::config) fn parse<'a>(
    text: &'a str,
    file: &Arc<PathBuf>,
    limits: &Limits,
) -> (Option<Document<'a>>, Vec<Problem>) {
    let mut builder = Builder {
        text,
        file,
        limits,
        nodes: Vec::new(),
        open: Vec::new(),
        anchors: HashMap::new(),
        aliased: 0,
        aliased_bytes: 0,
        repeated: HashSet::new(),
        problems: Vec::new(),
    };
    match builder.run() {
        Ok(()) => {
            let document = Document {
                nodes: builder.nodes,
                repeated: builder.repeated,
            };
            (Some(document), builder.problems)
        }
        Err(problem) => {
            builder.problems.push(*problem);
            (None, builder.problems)
        }
    }
}

type Fatal = Box<Problem>;

struct Builder<'a, 'f> {
    text: &'a str,
    file: &'f Arc<PathBuf>,
    limits: &'f Limits,
    nodes: Vec<Node<'a>>,
    open: Vec<Open>,
    /// The node that each anchor of the parser stands on.
    anchors: HashMap<usize, Id>,
    aliased: usize,
    aliased_bytes: usize,
    repeated: HashSet<Id>,
    problems: Vec<Problem>,
}

/// A collection that has begun and not ended.
struct Open {
    id: Id,
    mapping: bool,
    children: u32,
}

impl<'a> Builder<'a, '_> {
    fn run(&mut self) -> Result<(), Fatal> {
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        options.strict_indentation = true;
        options.block_nesting_limit = self.limits.depth;
        options.flow_nesting_limit = self.limits.depth;
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(self.text, options) {
            let (event, place) = next.map_err(|error| self.scan_error(&error))?;
            if matches!(event, Event::DocumentStart(..)) {
                documents += 1;
            }
            if documents > 1 {
                return Err(self.second_document(self.mark(place.start, 3)));
            }
            self.event(event, &place)?;
        }
        self.empty_as_mapping();
        Ok(())
    }

    fn event(&mut self, event: Event<'a>, place: &granit_parser::Span) -> Result<(), Fatal> {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let span = self.span(place);
                let text = self.is_text(tag.as_deref(), span)?;
                let data = if text || style != ScalarStyle::Plain {
                    Data::Quoted(value)
                } else {
                    Data::Plain(value)
                };
                let id = self.push(span, data, anchor)?;
                self.nodes[id as usize].end = id + 1;
                Ok(())
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(place, Data::Sequence, anchor, tag.as_deref())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(place, Data::Mapping, anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.finish(place.end);
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, self.span(place)),
            _ => Ok(()),
        }
    }

    /// A file in which nothing is written, or only comments, has no keys.
    fn empty_as_mapping(&mut self) {
        let empty = match self.nodes.first().map(|root| &root.data) {
            None => true,
            Some(Data::Plain(text)) => Scalar::plain(text) == Scalar::Null,
            Some(_) => false,
        };
        if empty {
            self.nodes = vec![Node {
                span: Span {
                    line: 1,
                    column: 1,
                    length: 1,
                },
                end: 1,
                data: Data::Mapping,
            }];
        }
    }

    fn begin(
        &mut self,
        place: &granit_parser::Span,
        data: Data<'a>,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Fatal> {
        let span = self.mark(place.start, 1);
        self.is_text(tag, span)?;
        let mapping = matches!(data, Data::Mapping);
        let id = self.push(span, data, anchor)?;
        self.check_depth(span, 1)?;
        self.open.push(Open {
            id,
            mapping,
            children: 0,
        });
        Ok(())
    }

    /// Adds a node at its place in the collection that is open.
    fn push(&mut self, span: Span, data: Data<'a>, anchor: usize) -> Result<Id, Fatal> {
        self.count(span, 1)?;
        let id = self.next_id();
        self.place(span, matches!(data, Data::Sequence | Data::Mapping))?;
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.nodes.push(Node { span, end: 0, data });
        Ok(id)
    }

    fn place(&mut self, span: Span, collection: bool) -> Result<(), Fatal> {
        let Some(parent) = self.open.last_mut() else {
            return Ok(());
        };
        let key = parent.mapping && parent.children % 2 == 0;
        parent.children += 1;
        if key && collection {
            return Err(self.collection_as_key(span));
        }
        Ok(())
    }

    fn finish(&mut self, end: Marker) {
        let Some(Open { id, mapping, .. }) = self.open.pop() else {
            return;
        };
        let next = self.next_id();
        let first = self.nodes.get(id as usize + 1).map(|node| node.span);
        let node = &mut self.nodes[id as usize];
        node.end = next;
        if end.line() == node.span.line as usize {
            let length = (end.col() as u32 + 1).saturating_sub(node.span.column);
            node.span.length = length.max(1);
        } else if let Some(first) = first.filter(|first| mapping && first.line == node.span.line) {
            node.span.length = (first.column + first.length)
                .saturating_sub(node.span.column)
                .max(1);
        }
        if mapping {
            self.find_repeated(id);
        }
    }

    fn next_id(&self) -> Id {
        Id::try_from(self.nodes.len()).expect("the limit of nodes is far below")
    }

    fn mark(&self, at: Marker, length: u32) -> Span {
        Span {
            line: at.line() as u32,
            column: at.col() as u32 + 1,
            length,
        }
    }

    /// Where a scalar was written, as far as its first line goes.
    fn span(&self, place: &granit_parser::Span) -> Span {
        let length = if place.start.line() == place.end.line() {
            place.end.col().saturating_sub(place.start.col())
        } else {
            let rest = place.start.byte_offset().and_then(|at| self.text.get(at..));
            rest.map_or(1, |rest| {
                rest.chars()
                    .take_while(|c| !matches!(c, '\r' | '\n'))
                    .count()
            })
        };
        self.mark(place.start, length.max(1) as u32)
    }
}
