//! Percent-encoding in paths and queries, undone once.

use std::borrow::Cow;

use crate::{
    settings::{EscapedReserved, MalformedEscapes},
    template::escape,
};

/// What `%xx` and `+` stand for.
#[derive(Clone, Copy)]
pub(super) struct Decoding {
    /// Escapes that stay as they are.
    keep: Keep,
    plus_is_space: bool,
    malformed: MalformedEscapes,
}

#[derive(Clone, Copy)]
enum Keep {
    Nothing,
    Slash,
    Reserved,
}

impl Decoding {
    /// For variables of one segment.
    pub(super) fn segment(malformed: MalformedEscapes) -> Self {
        Self {
            keep: Keep::Nothing,
            plus_is_space: false,
            malformed,
        }
    }

    /// For variables of several segments.
    pub(super) fn segments(keep: EscapedReserved, malformed: MalformedEscapes) -> Self {
        Self {
            keep: match keep {
                EscapedReserved::Slash => Keep::Slash,
                EscapedReserved::Reserved => Keep::Reserved,
                EscapedReserved::None => Keep::Nothing,
            },
            plus_is_space: false,
            malformed,
        }
    }

    pub(super) fn query(plus_is_space: bool, malformed: MalformedEscapes) -> Self {
        Self {
            keep: Keep::Nothing,
            plus_is_space,
            malformed,
        }
    }

    /// Fails with what is wrong.
    pub(super) fn decode(self, text: &str) -> Result<Cow<'_, str>, &'static str> {
        let special = |byte: u8| byte == b'%' || (self.plus_is_space && byte == b'+');
        if !text.bytes().any(special) {
            return Ok(Cow::Borrowed(text));
        }
        let mut decoded = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            rest = after;
            match first {
                b'+' if self.plus_is_space => decoded.push(b' '),
                b'%' => rest = self.escape(after, &mut decoded)?,
                other => decoded.push(*other),
            }
        }
        String::from_utf8(decoded)
            .map(Cow::Owned)
            .map_err(|_| "its escapes are no UTF-8")
    }

    /// Reads what comes after a `%` and returns what follows.
    fn escape<'t>(self, after: &'t [u8], decoded: &mut Vec<u8>) -> Result<&'t [u8], &'static str> {
        if let [high, low, rest @ ..] = after
            && let Some(byte) = escape(&[b'%', *high, *low])
        {
            match self.keeps(byte) {
                true => decoded.extend([b'%', *high, *low]),
                false => decoded.push(byte),
            }
            return Ok(rest);
        }
        match self.malformed {
            MalformedEscapes::Refuse => Err("`%` needs two hexadecimal digits after it"),
            MalformedEscapes::Keep => {
                decoded.push(b'%');
                Ok(after)
            }
        }
    }

    fn keeps(self, byte: u8) -> bool {
        match self.keep {
            Keep::Nothing => false,
            Keep::Slash => byte == b'/',
            // RFC 3986 section 2.2.
            Keep::Reserved => b":/?#[]@!$&'()*+,;=".contains(&byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: MalformedEscapes = MalformedEscapes::Refuse;

    #[test]
    fn escapes_are_undone_once() {
        let decode = |text| Decoding::segment(STRICT).decode(text).map(Cow::into_owned);
        assert_eq!(decode("a%2Fb%20%2523+"), Ok(String::from("a/b %23+")));
        assert_eq!(decode("%C3%A4"), Ok(String::from("\u{e4}")));
        assert!(decode("%FF").is_err());
        for broken in ["%", "%2", "%zz", "a%2"] {
            assert!(decode(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn several_segments_keep_what_they_should() {
        let decode = |keep| {
            let decoding = Decoding::segments(keep, STRICT);
            decoding.decode("%2f%2F%3a%41%2E").map(Cow::into_owned)
        };
        assert_eq!(decode(EscapedReserved::Slash), Ok("%2f%2F:A.".into()));
        assert_eq!(decode(EscapedReserved::Reserved), Ok("%2f%2F%3aA.".into()));
        assert_eq!(decode(EscapedReserved::None), Ok("//:A.".into()));
    }

    #[test]
    fn broken_escapes_can_be_kept() {
        let decoding = Decoding::query(true, MalformedEscapes::Keep);
        assert_eq!(decoding.decode("%zz+%4%41%").as_deref(), Ok("%zz %4A%"));
        assert!(decoding.decode("%FF").is_err());
    }
}
