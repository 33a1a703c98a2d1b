//! Cuts a stream of JSON values into its elements, whatever its pieces are.
//!
//! It looks only at brackets, quotes and commas; whether an element is JSON is judged where it is read.

use crate::{
    code::Code,
    refusal::{Refusal, Violation},
};

/// What stands between the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// One JSON array around them, and commas.
    Array,
    /// White space (NDJSON, and values one after the other).
    Lines,
    /// An array if it begins with one, else white space.
    Either,
}

/// Where in the stream the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before everything.
    Start,
    /// An element may begin, or the array end.
    First,
    /// An element has to begin.
    Next,
    Within,
    /// A comma or the end has to come.
    After,
    End,
}

pub(super) struct Elements {
    syntax: Syntax,
    limit: u64,
    place: Place,
    /// Brackets that are open within the element.
    depth: u32,
    in_string: bool,
    escaped: bool,
    element: Vec<u8>,
    count: usize,
}

type Result<T = ()> = std::result::Result<T, Refusal>;

impl Elements {
    pub(super) fn new(syntax: Syntax, limit: u64) -> Self {
        Self {
            syntax,
            limit,
            place: Place::Start,
            depth: 0,
            in_string: false,
            escaped: false,
            element: Vec::new(),
            count: 0,
        }
    }

    /// Hands each element that is complete now to `take`.
    pub(super) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8]) -> Result) -> Result {
        for byte in bytes {
            // A byte that ends a bare value may mean something itself.
            while !self.step(*byte, &mut take)? {}
        }
        Ok(())
    }

    /// The stream is over.
    pub(super) fn end(&mut self, mut take: impl FnMut(&[u8]) -> Result) -> Result {
        let lines = self.syntax != Syntax::Array;
        match self.place {
            Place::Within if lines && self.depth == 0 && !self.in_string => self.hand(&mut take),
            Place::Start | Place::End => Ok(()),
            Place::Next | Place::First if lines => Ok(()),
            _ => Err(Refusal::invalid(
                "",
                "the stream of JSON values ends too early",
            )),
        }
    }

    /// False if the byte has to be looked at again.
    fn step(&mut self, byte: u8, take: &mut impl FnMut(&[u8]) -> Result) -> Result<bool> {
        let space = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        if self.place == Place::Within {
            return self.within(byte, space, take);
        }
        if space {
            return Ok(true);
        }
        match (self.place, byte) {
            (Place::Start, b'[') if self.syntax != Syntax::Lines => {
                self.syntax = Syntax::Array;
                self.place = Place::First;
            }
            (Place::Start, _) if self.syntax == Syntax::Array => {
                return Err(self.wrong("expected a JSON array of messages"));
            }
            (Place::Start, _) => {
                self.syntax = Syntax::Lines;
                self.place = Place::First;
                return Ok(false);
            }
            (Place::First, b']') if self.syntax == Syntax::Array => self.place = Place::End,
            (Place::After, b']') => self.place = Place::End,
            (Place::After, b',') => self.place = Place::Next,
            (Place::First | Place::Next, b',' | b']' | b'}' | b':') => {
                return Err(self.wrong("expected a JSON value"));
            }
            (Place::First | Place::Next, _) => {
                self.place = Place::Within;
                return Ok(false);
            }
            (Place::After, _) => return Err(self.wrong("expected `,` or `]`")),
            (Place::Within | Place::End, _) => {
                return Err(self.wrong("something follows the JSON array"));
            }
        }
        Ok(true)
    }

    fn within(
        &mut self,
        byte: u8,
        space: bool,
        take: &mut impl FnMut(&[u8]) -> Result,
    ) -> Result<bool> {
        if !self.in_string && self.depth == 0 {
            let begun = !self.element.is_empty();
            let ends = begun && (space || matches!(byte, b',' | b']' | b'[' | b'{' | b'"' | b'}'));
            if ends {
                self.hand(take)?;
                return Ok(false);
            }
        }
        if self.element.len() as u64 >= self.limit {
            let message = format!(
                "an element of the stream is over the limit of {} bytes",
                self.limit
            );
            return Err(Refusal::with_status(Code::ResourceExhausted, 413, message));
        }
        self.element.push(byte);
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => return Ok(true),
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => return Ok(true),
            }
        }
        // A value with quotes or brackets is complete by itself.
        if self.depth == 0 && !self.in_string && matches!(byte, b'"' | b'}' | b']') {
            self.hand(take)?;
        }
        Ok(true)
    }

    fn hand(&mut self, take: &mut impl FnMut(&[u8]) -> Result) -> Result {
        self.place = match self.syntax {
            Syntax::Array => Place::After,
            Syntax::Lines | Syntax::Either => Place::Next,
        };
        let element = std::mem::take(&mut self.element);
        take(&element).map_err(|refusal| self.numbered(refusal))?;
        self.element = element;
        self.element.clear();
        self.count += 1;
        Ok(())
    }

    fn wrong(&self, message: &str) -> Refusal {
        self.numbered(Refusal::invalid("", message))
    }

    /// Says which element it was, counted from 0 as in a JSON pointer.
    fn numbered(&self, refusal: Refusal) -> Refusal {
        let number = |field: &str| {
            format!(
                "[{}]{}{field}",
                self.count,
                if field.is_empty() { "" } else { "." }
            )
        };
        Refusal {
            message: format!("element {} of the stream: {}", self.count, refusal.message),
            violations: refusal
                .violations
                .into_iter()
                .map(|violation| Violation {
                    field: number(&violation.field),
                    ..violation
                })
                .collect(),
            ..refusal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(syntax: Syntax, text: &str, size: usize) -> Result<Vec<String>> {
        let mut elements = Elements::new(syntax, 20);
        let mut found = Vec::new();
        let mut take = |element: &[u8]| {
            found.push(String::from_utf8(element.to_vec()).unwrap());
            Ok(())
        };
        for piece in text.as_bytes().chunks(size) {
            elements.feed(piece, &mut take)?;
        }
        elements.end(&mut take)?;
        Ok(found)
    }

    #[test]
    fn arrays_and_lines_give_their_elements() {
        for (syntax, text, elements) in [
            (Syntax::Array, "[]", &[][..]),
            (Syntax::Array, " [ ] ", &[]),
            (Syntax::Array, "", &[]),
            (
                Syntax::Array,
                r#"[{"a":"]"},{}, [1,[2]] ,"x\"",1,true]"#,
                &[r#"{"a":"]"}"#, "{}", "[1,[2]]", r#""x\"""#, "1", "true"],
            ),
            (
                Syntax::Lines,
                "{\"a\":1}\n{}\r\n\n1\n",
                &["{\"a\":1}", "{}", "1"],
            ),
            (Syntax::Lines, "{}{}", &["{}", "{}"]),
            (Syntax::Lines, "[1]\n2", &["[1]", "2"]),
            (Syntax::Either, "[1,2]", &["1", "2"]),
            (Syntax::Either, "{\"a\":1}\n{}", &["{\"a\":1}", "{}"]),
        ] {
            for size in 1..=text.len().max(1) {
                assert_eq!(
                    cut(syntax, text, size).unwrap(),
                    elements,
                    "{text} by {size}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for (syntax, text) in [
            (Syntax::Array, "{}"),
            (Syntax::Array, "[1"),
            (Syntax::Array, "[1,"),
            (Syntax::Array, "[1,]"),
            (Syntax::Array, "[,1]"),
            (Syntax::Array, "[1 2]"),
            (Syntax::Array, "[{}{}]"),
            (Syntax::Array, "[1]]"),
            (Syntax::Array, "[1] x"),
            (Syntax::Array, "[{\"a\":1]"),
            (Syntax::Lines, "1,2"),
            (Syntax::Lines, "{\"a\":"),
            (Syntax::Array, "[\"aaaaaaaaaaaaaaaaaaaaaaaa\"]"),
        ] {
            for size in 1..=text.len() {
                assert!(cut(syntax, text, size).is_err(), "{text} by {size}");
            }
        }
    }
}
