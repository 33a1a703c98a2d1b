//! The token in a request (RFC 6750 section 2.1).

use witgate_plugin::Request;

use crate::refusal::Refusal;

/// In bytes. Longer ones are refused unread.
const LONGEST: usize = 16 << 10;

pub(crate) fn find(request: &Request) -> Result<String, Refusal> {
    let Some(field) = request.header_bytes("authorization") else {
        return Err(Refusal::Missing);
    };
    let (scheme, token) = field.split_at_checked(7).ok_or(Refusal::Missing)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return Err(Refusal::Missing);
    }
    if token.len() > LONGEST {
        return Err(Refusal::TooLong);
    }
    let token = token.trim_ascii();
    // Several fields arrive joined by commas, which no token has.
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = &token[..token.len() - padding];
    if body.is_empty() || !body.iter().all(alphabet) {
        return Err(Refusal::Malformed);
    }
    String::from_utf8(token.to_vec()).map_err(|_| Refusal::Malformed)
}
