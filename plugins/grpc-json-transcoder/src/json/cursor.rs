//! Tokens of JSON (RFC 8259): strict, and bounded before anything is allocated.

use std::borrow::Cow;

use super::error::JsonError;
use crate::settings::Limits;

/// What one text may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Objects and arrays within each other.
    pub(crate) depth: u32,
    /// Members and elements, all together.
    pub(crate) fields: u32,
    /// Elements of one array.
    pub(crate) array: u32,
    /// Bytes of one string.
    pub(crate) string: usize,
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            depth: limits.depth.into(),
            fields: limits.fields,
            array: limits.array,
            string: usize::try_from(limits.string.0).unwrap_or(usize::MAX),
        }
    }
}

/// A place in a JSON text.
pub(crate) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    bounds: Bounds,
    depth: u32,
    fields: u32,
}

/// A place to go back to.
#[derive(Clone, Copy)]
pub(crate) struct Mark(usize, u32, u32);

type Result<T> = std::result::Result<T, JsonError>;

impl<'t> Cursor<'t> {
    /// Fails if the bytes are no UTF-8 (RFC 8259 section 8.1).
    pub(crate) fn new(text: &'t [u8], bounds: Bounds) -> Result<Self> {
        let text = std::str::from_utf8(text)
            .map_err(|error| JsonError::new(error.valid_up_to(), "the JSON text is not UTF-8"))?;
        Ok(Self {
            text,
            at: 0,
            bounds,
            depth: 0,
            fields: 0,
        })
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Where the next token begins.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn text(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// For going back to read the same again.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.at, self.depth, self.fields)
    }

    pub(crate) fn rewind(&mut self, mark: Mark) {
        (self.at, self.depth, self.fields) = (mark.0, mark.1, mark.2);
    }

    pub(crate) fn error(&self, message: impl Into<Cow<'static, str>>) -> JsonError {
        JsonError::new(self.at, message)
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    /// The first byte of the next token.
    pub(crate) fn peek(&mut self) -> Result<u8> {
        self.skip_space();
        self.byte()
            .ok_or_else(|| self.error("the JSON text ends too early"))
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<()> {
        if self.peek()? == byte {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(what))
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.skip_space();
        match self.byte() {
            None => Ok(()),
            Some(_) => Err(self.error("something follows the JSON value")),
        }
    }

    fn enter(&mut self) -> Result<()> {
        if self.depth == self.bounds.depth {
            let depth = self.bounds.depth;
            let message = format!("deeper than {depth} levels");
            return Err(JsonError::bound(self.at, message));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn count(&mut self) -> Result<()> {
        if self.fields == self.bounds.fields {
            let message = format!("more than {} members and elements", self.bounds.fields);
            return Err(JsonError::bound(self.at, message));
        }
        self.fields += 1;
        Ok(())
    }

    /// Enters an object. Afterwards [`next_key`](Self::next_key) until it gives none.
    pub(crate) fn begin_object(&mut self) -> Result<()> {
        match self.peek()? {
            b'{' => self.enter(),
            _ => Err(self.unexpected("an object")),
        }
    }

    /// The next member's name, past its colon; none at the end of the object.
    pub(crate) fn next_key(&mut self, first: bool) -> Result<Option<Cow<'t, str>>> {
        match self.peek()? {
            b'}' => {
                self.depth -= 1;
                self.at += 1;
                return Ok(None);
            }
            b',' if !first => {
                self.at += 1;
            }
            _ if first => {}
            _ => return Err(self.error("expected `,` or `}` here")),
        }
        if self.peek()? != b'"' {
            return Err(self.error("expected a member's name in double quotes here"));
        }
        self.count()?;
        let key = self.string()?;
        self.expect(b':', "expected `:` between name and value here")?;
        Ok(Some(key))
    }

    /// Enters an array. Afterwards [`next_element`](Self::next_element) until it is false.
    pub(crate) fn begin_array(&mut self) -> Result<()> {
        match self.peek()? {
            b'[' => self.enter(),
            _ => Err(self.unexpected("an array")),
        }
    }

    /// Whether there is another element; `index` counts those before.
    pub(crate) fn next_element(&mut self, index: usize) -> Result<bool> {
        match self.peek()? {
            b']' => {
                self.depth -= 1;
                self.at += 1;
                return Ok(false);
            }
            b',' if index > 0 => {
                self.at += 1;
                if self.peek()? == b']' {
                    return Err(self.error("expected another element after `,` here"));
                }
            }
            _ if index == 0 => {}
            _ => return Err(self.error("expected `,` or `]` here")),
        }
        if index >= self.bounds.array as usize {
            let message = format!("more than {} elements in one array", self.bounds.array);
            return Err(JsonError::bound(self.at, message));
        }
        self.count()?;
        Ok(true)
    }

    /// `null`, if it is that; else stays where it is.
    pub(crate) fn null(&mut self) -> Result<bool> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        self.literal("null").map(|()| true)
    }

    pub(crate) fn boolean(&mut self) -> Result<bool> {
        match self.peek()? {
            b't' => self.literal("true").map(|()| true),
            b'f' => self.literal("false").map(|()| false),
            _ => Err(self.unexpected("true or false")),
        }
    }

    fn literal(&mut self, literal: &str) -> Result<()> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.starts_with(literal.as_bytes())
            && !rest
                .get(literal.len())
                .is_some_and(u8::is_ascii_alphanumeric)
        {
            self.at += literal.len();
            return Ok(());
        }
        Err(self.error("this is no JSON value"))
    }

    /// A number as it is written (RFC 8259 section 6).
    pub(crate) fn number(&mut self) -> Result<&'t str> {
        if !matches!(self.peek()?, b'-' | b'0'..=b'9') {
            return Err(self.unexpected("a number"));
        }
        let length = super::number::length(&self.text.as_bytes()[self.at..])
            .ok_or_else(|| self.error("this is no JSON number"))?;
        let number = self.text(self.at, self.at + length);
        self.at += length;
        Ok(number)
    }

    /// A string without its quotes and escapes; borrowed if it has no escapes.
    pub(crate) fn string(&mut self) -> Result<Cow<'t, str>> {
        if self.peek()? != b'"' {
            return Err(self.unexpected("a string"));
        }
        self.at += 1;
        let start = self.at;
        let length = self.plain();
        if self.byte() == Some(b'"') {
            self.bound_string(start, length)?;
            self.at += 1;
            return Ok(Cow::Borrowed(self.text(start, start + length)));
        }
        self.escaped_string(start).map(Cow::Owned)
    }

    /// Skips what stands for itself; how many bytes that was.
    fn plain(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F))
            .unwrap_or(rest.len());
        self.at += length;
        length
    }

    fn bound_string(&self, start: usize, length: usize) -> Result<()> {
        if length > self.bounds.string {
            let message = format!("a string longer than {} bytes", self.bounds.string);
            return Err(JsonError::bound(start, message));
        }
        Ok(())
    }

    fn escaped_string(&mut self, start: usize) -> Result<String> {
        let mut string = String::new();
        let mut plain = start;
        loop {
            self.bound_string(start, string.len() + (self.at - plain))?;
            string.push_str(self.text(plain, self.at));
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => {
                    return Err(self.error("control characters must be escaped in strings"));
                }
                None => return Err(self.error("the JSON text ends within a string")),
            }
            plain = self.at;
            self.plain();
        }
    }

    fn escape(&mut self) -> Result<char> {
        let start = self.at;
        self.at += 2;
        Ok(match self.text.as_bytes().get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(JsonError::new(start, "there is no such escape in JSON")),
        })
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char> {
        let first = self.hex(start)?;
        let code = match first {
            0xD800..=0xDBFF if self.text.as_bytes()[self.at..].starts_with(b"\\u") => {
                self.at += 2;
                let second = self.hex(start)?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(JsonError::new(start, "half of a surrogate pair"));
                }
                0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| JsonError::new(start, "half of a surrogate pair"))
    }

    fn hex(&mut self, start: usize) -> Result<u32> {
        let wrong = || JsonError::new(start, "`\\u` takes four hexadecimal digits");
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + 4)
            .ok_or_else(wrong)?;
        let mut code = 0;
        for digit in digits {
            code = code * 16 + char::from(*digit).to_digit(16).ok_or_else(wrong)?;
        }
        self.at += 4;
        Ok(code)
    }

    /// Reads any value, only to see that it is well-formed; names that come twice in one object are not.
    pub(crate) fn skip(&mut self) -> Result<()> {
        match self.peek()? {
            b'{' => self.skip_object(),
            b'[' => {
                self.begin_array()?;
                let mut index = 0;
                while self.next_element(index)? {
                    self.skip()?;
                    index += 1;
                }
                Ok(())
            }
            b'"' => self.string().map(drop),
            b't' | b'f' => self.boolean().map(drop),
            b'n' => self.literal("null"),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => Err(self.error("this is no JSON value")),
        }
    }

    fn skip_object(&mut self) -> Result<()> {
        let mut names = std::collections::BTreeSet::new();
        self.begin_object()?;
        while let Some(name) = self.next_key(names.is_empty())? {
            if !names.insert(name) {
                return Err(self.error("a name comes twice in one object"));
            }
            self.skip()?;
        }
        Ok(())
    }

    /// For a value of another kind than the field takes.
    pub(crate) fn unexpected(&mut self, wanted: &str) -> JsonError {
        let found = match self.byte() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(b't') if self.literal("true").is_ok() => "true",
            Some(b'f') if self.literal("false").is_ok() => "false",
            Some(b'n') if self.literal("null").is_ok() => "null",
            _ => return self.error("this is no JSON value"),
        };
        self.error(format!("expected {wanted}, found {found}"))
    }
}
