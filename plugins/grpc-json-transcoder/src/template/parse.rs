//! The grammar of http.proto, read strictly.
//!
//! ```text
//! Template = "/" [ Segments [ ":" LITERAL ] ]
//! Segments = Segment { "/" Segment }
//! Segment  = "*" | "**" | LITERAL | Variable
//! Variable = "{" IDENT { "." IDENT } [ "=" Segments ] "}"
//! ```
//!
//! A literal is made of the characters of a path segment (RFC 3986 section 3.3). A verb begins at the first colon
//! and may hold more of them. After `**` only literals may follow, which http.proto does not allow and others do.

use std::fmt;

use super::{Segment, Template, Variable, escape, normal};

/// The matcher's depth of recursion.
const MOST_SEGMENTS: usize = 128;

/// Why a template is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemplateError {
    /// Counted in characters from 1.
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "column {}: {}", self.column, self.message)
    }
}

type Result<T> = std::result::Result<T, TemplateError>;

pub(super) fn parse(source: &str) -> Result<Template> {
    let mut parser = Parser {
        source,
        at: 0,
        segments: Vec::new(),
        variables: Vec::new(),
        rest: false,
    };
    let verb = parser.template()?;
    Ok(Template {
        source: source.to_owned(),
        segments: parser.segments,
        verb,
        variables: parser.variables,
    })
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
    /// A `**` has been read.
    rest: bool,
}

impl Parser<'_> {
    fn template(&mut self) -> Result<String> {
        if !self.eat('/') {
            return self.fail("a template begins with `/`");
        }
        if self.peek().is_none() {
            return Ok(String::new());
        }
        self.segments(false)?;
        match self.peek() {
            None => Ok(String::new()),
            Some(':') => self.verb(),
            Some('}') => {
                self.fail("this `}` closes nothing; write `%7D` if you mean the character")
            }
            Some(_) => {
                self.fail("a `*`, a `**` or a variable is a whole segment; write a `/` here")
            }
        }
    }

    fn segments(&mut self, in_variable: bool) -> Result<()> {
        loop {
            self.segment(in_variable)?;
            if self.segments.len() > MOST_SEGMENTS {
                return self.fail(format!("a template has at most {MOST_SEGMENTS} segments"));
            }
            if !self.eat('/') {
                return Ok(());
            }
        }
    }

    fn segment(&mut self, in_variable: bool) -> Result<()> {
        match self.peek() {
            Some('*') => self.wildcard(),
            Some('{') if in_variable => {
                self.fail("a variable cannot stand in another one; name one field for the whole")
            }
            Some('{') => self.variable(),
            None | Some('/' | ':' | '}') => {
                self.fail("a segment is missing here; write a literal, `*`, `**` or `{field}`")
            }
            Some(_) => {
                let text = self.literal(false)?;
                self.segments.push(Segment::Literal(text));
                match self.peek() {
                    Some('{' | '*') => {
                        self.fail("a variable or wildcard is a whole segment of its own")
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn wildcard(&mut self) -> Result<()> {
        if self.rest {
            return self.fail("after `**` only literals may follow");
        }
        self.eat('*');
        self.rest = self.eat('*');
        if self.peek() == Some('*') {
            return self.fail("there is `*` and `**`, and nothing longer");
        }
        let segment = if self.rest {
            Segment::Rest
        } else {
            Segment::One
        };
        self.segments.push(segment);
        Ok(())
    }

    fn variable(&mut self) -> Result<()> {
        if self.rest {
            return self.fail("after `**` only literals may follow, no variable");
        }
        self.eat('{');
        let column = self.column();
        let field = self.field_path()?;
        if self.variables.iter().any(|known| known.field == field) {
            let message =
                format!("`{field}` is already bound in this template; name another field");
            return Err(TemplateError { column, message });
        }
        let start = self.segments.len();
        if self.eat('=') {
            if self.peek() == Some('/') {
                return self
                    .fail("a variable does not capture the `/` before it; leave it out here");
            }
            self.segments(true)?;
        } else {
            self.segments.push(Segment::One);
        }
        if self.peek() == Some(':') {
            return self.fail("a verb stands at the end of the template, not in a variable");
        }
        if !self.eat('}') {
            return self.fail(format!("`}}` is missing after the variable `{field}`"));
        }
        let end = self.segments.len();
        let multi = end - start > 1 || self.rest;
        self.variables.push(Variable {
            field,
            column,
            start,
            end,
            multi,
        });
        Ok(())
    }

    fn field_path(&mut self) -> Result<String> {
        let from = self.at;
        loop {
            match self.peek() {
                Some(first) if first.is_ascii_alphabetic() || first == '_' => {}
                _ => {
                    return self.fail(
                        "the name of a field is missing here; it begins with a letter or `_`",
                    );
                }
            }
            self.skip(|next| next.is_ascii_alphanumeric() || next == '_');
            if !self.eat('.') {
                break;
            }
        }
        match self.peek() {
            Some('=' | '}') | None => Ok(self.source[from..self.at].to_owned()),
            Some(other) => self.fail(format!(
                "`{other}` cannot stand in the name of a field; letters, digits and `_` can"
            )),
        }
    }

    fn verb(&mut self) -> Result<String> {
        self.eat(':');
        let text = self.literal(true)?;
        match self.peek() {
            _ if text.is_empty() => self.fail("the verb is missing after `:`"),
            None => Ok(text),
            Some('/') => {
                self.fail("a verb stands at the very end; write `%3A` for a colon within the path")
            }
            Some(other) => self.fail(format!("`{other}` cannot stand in a verb")),
        }
    }

    /// In normal form; stops at the first character that cannot belong to it.
    fn literal(&mut self, colons: bool) -> Result<String> {
        let from = self.at;
        while let Some(next) = self.peek() {
            match next {
                '%' if escape(&self.source.as_bytes()[self.at..]).is_none() => {
                    return self.fail("`%` needs two hexadecimal digits");
                }
                '%' => self.at += 3,
                ':' if colons => self.at += 1,
                ':' | '/' | '{' | '}' | '*' => break,
                _ if next.is_ascii_alphanumeric() || "-._~!$&'()+,;=@".contains(next) => {
                    self.at += 1;
                }
                '?' | '#' => {
                    return self.fail(format!("`{next}` ends a path; a template has no query"));
                }
                _ => {
                    return self.fail(format!(
                        "`{next}` cannot stand in a path; write it percent-encoded"
                    ));
                }
            }
        }
        Ok(normal(&self.source[from..self.at]).into_owned())
    }

    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found) * wanted.len_utf8();
        found
    }

    fn skip(&mut self, mut belongs: impl FnMut(char) -> bool) {
        while let Some(next) = self.peek().filter(|next| belongs(*next)) {
            self.at += next.len_utf8();
        }
    }

    fn column(&self) -> usize {
        self.source[..self.at].chars().count() + 1
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(TemplateError {
            column: self.column(),
            message: message.into(),
        })
    }
}
