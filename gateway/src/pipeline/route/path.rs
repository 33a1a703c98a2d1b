//! Paths in the one spelling that requests have once they are normalised.

use std::fmt::Write as _;

use super::report::Invalid;

/// `text` in canonical spelling (RFC 3986 section 6.2.2): unreserved characters bare, everything that a path may
/// not hold percent-encoded, escapes in upper case. Dot segments, queries and fragments are refused.
pub fn canonical(text: &str) -> Result<String, Invalid> {
    if !text.starts_with('/') {
        return Err(Invalid::new(
            format!("the path `{text}` does not begin with `/`"),
            format!("write `/{text}`"),
        ));
    }
    let path = spell(text)?;
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(Invalid::new(
            format!("the path `{text}` has a dot segment"),
            "requests have none once they are normalised: write the path it leads to",
        ));
    }
    Ok(path)
}

/// As [`canonical`], of a part of a path.
pub(super) fn spell(text: &str) -> Result<String, Invalid> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match (bytes.next().and_then(hex), bytes.next().and_then(hex)) {
                (Some(high), Some(low)) => escape(&mut out, high << 4 | low, is_unreserved),
                _ => {
                    return Err(Invalid::new(
                        format!("`{text}` has a `%` that begins no escape"),
                        "write `%25` for a percent sign",
                    ));
                }
            },
            b'?' | b'#' => {
                return Err(Invalid::new(
                    format!("the path `{text}` holds more than a path"),
                    "put conditions on the query under `query`; `%3F` and `%23` stand for `?` and `#`",
                ));
            }
            _ => escape(&mut out, byte, is_path),
        }
    }
    Ok(out)
}

fn escape(out: &mut String, byte: u8, bare: fn(u8) -> bool) {
    if bare(byte) {
        out.push(char::from(byte));
    } else {
        let _ = write!(out, "%{byte:02X}");
    }
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// `pchar` of RFC 3986 section 3.3, and the slash.
fn is_path(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=:@/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_one_path() {
        assert_eq!(
            canonical("/a%7eb/%2f/c d/é").unwrap(),
            "/a~b/%2F/c%20d/%C3%A9"
        );
        assert_eq!(canonical("/%E4%BD%A0;v=1,2").unwrap(), "/%E4%BD%A0;v=1,2");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for (text, message) in [
            ("orders", "does not begin"),
            ("/a/../b", "dot segment"),
            ("/a/%2e", "dot segment"),
            ("/a?b", "more than a path"),
            ("/100%", "begins no escape"),
            ("/%zz", "begins no escape"),
        ] {
            assert!(
                canonical(text).unwrap_err().message.contains(message),
                "{text}"
            );
        }
    }
}
