//! The one spelling of a path (RFC 3986 section 6.2.2).

use std::{borrow::Cow, fmt::Write};

use super::Refusal;

/// The one form of a path.
///
/// # Errors
/// When it could be read in two ways, or leads above its root.
pub fn path(path: &str) -> Result<Cow<'_, str>, Refusal> {
    if path.is_empty() {
        return Ok(Cow::Borrowed("/"));
    }
    if is_plain(path.as_bytes()) {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = unescape(path)?;
    let resolved = resolve(&decoded)?;
    Ok(if resolved == path {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(resolved)
    })
}

/// Without escapes, dot segments, or anything else that has another form: nearly every path.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().all(|&byte| {
        let dot_segment = before == b'/' && byte == b'.';
        before = byte;
        !dot_segment && PLAIN[usize::from(byte)]
    })
}

/// What a path may hold as it is: `pchar` of RFC 3986 section 3.3 but for escapes, and the slash.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        plain[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~!$&'()*+,;=:@/";
    let mut at = 0;
    while at < others.len() {
        plain[others[at] as usize] = true;
        at += 1;
    }
    plain
};

/// Decodes escapes of unreserved characters; the rest keep theirs, in upper case. What may not stand in a path gets
/// an escape, but for the backslash: many servers take it for a slash, as browsers do.
fn unescape(path: &str) -> Result<String, Refusal> {
    let mut out = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let (byte, bare) = match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let value = digit().zip(digit()).ok_or(Refusal::BadEscape)?;
                // Two digits make a byte.
                let byte = (value.0 << 4 | value.1) as u8;
                (
                    byte,
                    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte),
                )
            }
            b'\\' => return Err(Refusal::Backslash),
            byte => (byte, PLAIN[usize::from(byte)]),
        };
        if byte.is_ascii_control() {
            return Err(Refusal::ControlCharacter);
        }
        if bare {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(out)
}

/// Resolves `.` and `..` (RFC 3986 section 5.2.4); a path that would leave its root is refused, not clipped.
fn resolve(path: &str) -> Result<String, Refusal> {
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = parts.next() {
        let last = parts.peek().is_none();
        match segment {
            "." if last => segments.push(""),
            "." => {}
            ".." => {
                segments.pop().ok_or(Refusal::AboveRoot)?;
                if last {
                    segments.push("");
                }
            }
            other => segments.push(other),
        }
    }
    Ok(format!("/{}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_have_one_form() {
        for (given, wanted) in [
            ("/orders/7", "/orders/7"),
            ("/%6frders/%7e", "/orders/~"),
            ("/a%2fb", "/a%2Fb"),
            ("/a/./b/../c", "/a/c"),
            ("/a/%2e%2E/c", "/c"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/a//b", "/a//b"),
            ("/.well-known/x", "/.well-known/x"),
            ("/%E2%82%ac", "/%E2%82%AC"),
            ("/caf\u{e9}/a|b", "/caf%C3%A9/a%7Cb"),
            ("/a%5cb;v=1", "/a%5Cb;v=1"),
        ] {
            assert_eq!(path(given).as_deref(), Ok(wanted), "{given}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        assert_eq!(path("/a%2"), Err(Refusal::BadEscape));
        assert_eq!(path("/a%zz"), Err(Refusal::BadEscape));
        assert_eq!(path("/a%+1"), Err(Refusal::BadEscape));
        assert_eq!(path("/a%00"), Err(Refusal::ControlCharacter));
        assert_eq!(path("/a%0d%0aB"), Err(Refusal::ControlCharacter));
        assert_eq!(path("/a\\b"), Err(Refusal::Backslash));
        assert_eq!(path("/a\\..\\b"), Err(Refusal::Backslash));
        assert_eq!(path("/../etc/passwd"), Err(Refusal::AboveRoot));
        assert_eq!(path("/%2e%2e/x"), Err(Refusal::AboveRoot));
    }

    proptest! {
        #[test]
        fn the_form_is_stable(given in "/[a-c./%20-9A-Fe|\\\\\u{e9}]{0,24}") {
            if let Ok(once) = path(&given) {
                let twice = path(&once);
                prop_assert_eq!(twice.as_deref(), Ok(&*once));
                prop_assert!(!once.split('/').any(|segment| segment == "." || segment == ".."));
            }
        }
    }
}
