//! The token in a request (RFC 6750 section 2).

use witgate_plugin::{
    Request,
    credential::{Found, Source},
};

use crate::refusal::Refusal;

/// In bytes. Longer ones are refused unread.
const LONGEST: usize = 16 << 10;

pub(crate) fn find(request: &Request, source: &Source) -> Result<String, Refusal> {
    let credential = match source.find(request) {
        Found::Nothing => return Err(Refusal::Missing),
        Found::Several => return Err(Refusal::Several),
        Found::Credential(credential) => credential,
    };
    let token = credential.bytes();
    if token.len() > LONGEST {
        return Err(Refusal::TooLong);
    }
    if credential.is_several() {
        return Err(Refusal::Several);
    }
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = &token[..token.len() - padding];
    if body.is_empty() || !body.iter().all(alphabet) {
        return Err(Refusal::Malformed);
    }
    String::from_utf8(token.to_vec()).map_err(|_| Refusal::Malformed)
}
