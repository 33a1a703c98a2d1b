//! From text to a [`Document`]: the limits, one document to a file, no key twice, aliases resolved.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::{Data, Document, Id, Node};
use crate::config::{problem::Problem, span::Span};

/// What one file may ask of the machine that reads it.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Limits {
    /// Collections inside each other.
    pub(super) depth: usize,
    /// Scalars and collections.
    pub(super) nodes: usize,
    /// Of those, the ones that aliases stand for.
    pub(super) aliased: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            nodes: 5_000_000,
            aliased: 100_000,
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
            match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(self
                            .fatal(self.mark(place.start, 3), "a second document begins here")
                            .hint("a file holds one document; move this one to a file of its own")
                            .into());
                    }
                }
                Event::Scalar(value, style, anchor, tag) => {
                    let span = self.span(&place);
                    let plain =
                        style == ScalarStyle::Plain && !self.is_text(tag.as_deref(), span)?;
                    let data = if plain {
                        Data::Plain(value)
                    } else {
                        Data::Quoted(value)
                    };
                    let id = self.push(span, data, anchor)?;
                    self.nodes[id as usize].end = id + 1;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.begin(&place, Data::Sequence, anchor, tag.as_deref())?;
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.begin(&place, Data::Mapping, anchor, tag.as_deref())?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.finish(place.end),
                Event::Alias(anchor) => self.alias(anchor, self.span(&place))?,
                _ => {}
            }
        }
        if self.nodes.is_empty()
            || matches!(&self.nodes[0].data, Data::Plain(text) if super::Scalar::plain(text) == super::Scalar::Null)
        {
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
        Ok(())
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
            return Err(self
                .fatal(span, "a key cannot be a list or a mapping")
                .hint("write text that begins with `{` or `[` in quotes")
                .into());
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

    /// Reports keys that stand in this mapping twice.
    fn find_repeated(&mut self, mapping: Id) {
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

    /// Copies what an alias stands for, so that the tree stays a tree.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fatal> {
        let from = self.anchors.get(&anchor).copied();
        let Some((from, end)) = from.map(|from| (from, self.nodes[from as usize].end)) else {
            return Err(self
                .fatal(span, "no anchor of this name stands before")
                .into());
        };
        if end == 0 {
            return Err(self
                .fatal(span, "this alias stands for a value that contains it")
                .into());
        }
        let count = (end - from) as usize;
        self.aliased += count;
        if self.aliased > self.limits.aliased {
            return Err(self
                .fatal(
                    span,
                    format!(
                        "the aliases of this file stand for more than {} values",
                        self.limits.aliased
                    ),
                )
                .hint("aliases of aliases grow without bound; write the values out")
                .into());
        }
        self.count(span, count)?;
        let collection = matches!(
            self.nodes[from as usize].data,
            Data::Sequence | Data::Mapping
        );
        self.place(span, collection)?;
        self.check_depth(span, self.height(from, end))?;
        let shift = self.next_id() - from;
        for id in from..end {
            let mut node = self.nodes[id as usize].clone();
            node.end += shift;
            if self.repeated.contains(&id) {
                self.repeated.insert(id + shift);
            }
            self.nodes.push(node);
        }
        Ok(())
    }

    /// How many collections are inside each other in these nodes.
    fn height(&self, from: Id, end: Id) -> usize {
        let (mut ends, mut height) = (Vec::new(), 0);
        for id in from..end {
            while ends.last().is_some_and(|end| *end <= id) {
                ends.pop();
            }
            let node = &self.nodes[id as usize];
            if matches!(node.data, Data::Sequence | Data::Mapping) {
                ends.push(node.end);
                height = height.max(ends.len());
            }
        }
        height
    }

    fn check_depth(&self, span: Span, more: usize) -> Result<(), Fatal> {
        if self.open.len() + more > self.limits.depth {
            return Err(self.too_deep(span));
        }
        Ok(())
    }

    fn too_deep(&self, span: Span) -> Fatal {
        self.fatal(
            span,
            format!(
                "more than {} lists and mappings inside each other",
                self.limits.depth
            ),
        )
        .into()
    }

    fn count(&self, span: Span, more: usize) -> Result<(), Fatal> {
        if self.nodes.len() + more > self.limits.nodes {
            return Err(self
                .fatal(
                    span,
                    format!("the file holds more than {} values", self.limits.nodes),
                )
                .hint("spread it over several files")
                .into());
        }
        Ok(())
    }

    /// Whether a tag makes a text of it.
    fn is_text(&self, tag: Option<&Tag>, span: Span) -> Result<bool, Fatal> {
        match tag {
            None => Ok(false),
            Some(tag) if tag.is_yaml_core_schema() => Ok(tag.is_yaml_core_schema_tag("str")),
            Some(tag) => Err(self
                .fatal(
                    span,
                    format!("the tag `{}` means nothing here", tag.original()),
                )
                .hint("remove it; a text that begins with `!` must be in quotes")
                .into()),
        }
    }

    fn scan_error(&self, error: &ScanError) -> Fatal {
        let span = self.mark(*error.marker(), 1);
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(span);
        }
        let problem = self.fatal(span, format!("not YAML: {}", error.info()));
        let hint = match error.kind() {
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar => "indent with spaces, not with tabs",
            ErrorKind::UnknownAnchor => "an anchor (`&name`) must stand before its alias (`*name`)",
            ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::MisplacedFlowCollectionEnd
            | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
                "between braces or brackets, text with `{`, `}`, `[`, `]` or `,` must be in quotes"
            }
            ErrorKind::UnclosedQuotedScalar => "the closing quote is missing",
            ErrorKind::UnclosedFlowCollection { .. } => "the closing bracket is missing",
            _ => return problem.into(),
        };
        problem.hint(hint).into()
    }

    fn fatal(&self, span: Span, message: impl Into<String>) -> Problem {
        Problem::error(self.file, span, message)
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
