//! Path templates (google/api/http.proto): what they are made of, and how literals are compared.

mod parse;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

pub(crate) use parse::TemplateError;

/// A template, its variables resolved into plain segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    source: String,
    segments: Vec<Segment>,
    /// In normal form, without the colon; empty if there is none.
    verb: String,
    variables: Vec<Variable>,
}

/// One part of a path between slashes, or with `**` any number of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// In normal form, see [`normal`].
    Literal(String),
    /// `*`: one segment that is not empty.
    One,
    /// `**`: any number of segments.
    Rest,
}

/// A part of the path that is bound to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// As written: `book.author`.
    pub(crate) field: String,
    /// Where the name stands in the template, counted in characters from 1.
    pub(crate) column: usize,
    /// The first segment.
    pub(crate) start: usize,
    /// The segment after the last.
    pub(crate) end: usize,
    /// `**`, or more than one segment: `%2F` is told from `/` here.
    pub(crate) multi: bool,
}

impl Template {
    pub(crate) fn parse(source: &str) -> Result<Self, TemplateError> {
        parse::parse(source)
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(crate) fn verb(&self) -> &str {
        &self.verb
    }

    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The index of `**`.
    pub(crate) fn rest(&self) -> Option<usize> {
        self.segments
            .iter()
            .position(|segment| *segment == Segment::Rest)
    }

    /// The end of a variable as a count from the right, -1 for the end of the path, if a `**` stands before it.
    pub(crate) fn end_from_right(&self, variable: &Variable) -> Option<isize> {
        let rest = self.rest()?;
        let behind = isize::try_from(self.segments.len() - variable.end).ok()?;
        (rest < variable.end).then_some(-1 - behind)
    }

    /// What the variable holds in a path that the template matches. The path comes without the verb.
    pub(crate) fn capture<'p>(&self, variable: &Variable, path: &'p str) -> &'p str {
        let from = nth_segment(path, variable.start);
        let to = match self.rest() {
            Some(rest) if rest < variable.end => {
                nth_segment_from_right(path, self.segments.len() - variable.end)
            }
            _ => end_of_segments(path, from, variable.end - variable.start),
        };
        path.get(from..to).unwrap_or_default()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Literal(text) => text,
            Self::One => "*",
            Self::Rest => "**",
        })
    }
}

/// Where the n-th segment begins; beyond the end if there is none.
fn nth_segment(path: &str, n: usize) -> usize {
    let mut slashes = path.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    slashes.nth(n).map_or(path.len(), |(at, _)| at + 1)
}

/// Where the last but n segments end.
fn nth_segment_from_right(path: &str, n: usize) -> usize {
    (0..n).fold(path.len(), |end, _| path[..end].rfind('/').unwrap_or(0))
}

/// Where the n segments end that begin at a place.
fn end_of_segments(path: &str, from: usize, n: usize) -> usize {
    let mut slashes = path.bytes().enumerate().skip(from);
    let mut left = n;
    slashes
        .find(|(_, byte)| {
            left -= usize::from(*byte == b'/');
            left == 0
        })
        .map_or(path.len(), |(at, _)| at)
}

/// RFC 3986 section 6.2.2: escapes of unreserved characters are undone, those of others are in upper case. Broken
/// escapes stay as they are.
pub(crate) fn normal(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut text = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        match escape(&rest.as_bytes()[at..]) {
            Some(byte) if is_unreserved(byte) => text.push(char::from(byte)),
            Some(_) => text.push_str(&rest[at..at + 3].to_ascii_uppercase()),
            None => text.push('%'),
        }
        let read = if escape(&rest.as_bytes()[at..]).is_some() {
            3
        } else {
            1
        };
        rest = &rest[at + read..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The byte that a `%xx` at the start stands for.
pub(crate) fn escape(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match text {
        [b'%', high, low, ..] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
