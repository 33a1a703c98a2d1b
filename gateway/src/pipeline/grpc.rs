//! What a gateway has to know of gRPC over HTTP/2: content types, deadlines and statuses
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).

use std::{error::Error, fmt::Write, time::Duration};

use h2::Reason;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

// <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>
pub const CANCELLED: u8 = 1;
pub const UNKNOWN: u8 = 2;
pub const INVALID_ARGUMENT: u8 = 3;
pub const DEADLINE_EXCEEDED: u8 = 4;
pub const PERMISSION_DENIED: u8 = 7;
pub const RESOURCE_EXHAUSTED: u8 = 8;
pub const UNIMPLEMENTED: u8 = 12;
pub const INTERNAL: u8 = 13;
pub const UNAVAILABLE: u8 = 14;
pub const UNAUTHENTICATED: u8 = 16;

/// Whether a `content-type` is that of gRPC itself; gRPC-Web's is another.
pub fn is_content_type(value: &HeaderValue) -> bool {
    value
        .as_bytes()
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Whether these are the fields of a gRPC request or response.
pub fn is_call(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(is_content_type)
}

/// How long a client gives its call: at most eight digits and a unit. What is malformed is the server's to judge.
pub fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let (unit, digits) = headers.get(GRPC_TIMEOUT)?.as_bytes().split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(match unit {
        b'H' => Duration::from_secs(amount * 3600),
        b'M' => Duration::from_secs(amount * 60),
        b'S' => Duration::from_secs(amount),
        b'm' => Duration::from_millis(amount),
        b'u' => Duration::from_micros(amount),
        b'n' => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// The status in trailers, or in a head without a body; one that there is not is UNKNOWN.
pub fn status(fields: &HeaderMap) -> Option<u8> {
    let status = fields.get(GRPC_STATUS)?.to_str().ok();
    let status = status.and_then(|status| status.parse().ok());
    Some(
        status
            .filter(|status| *status <= UNAUTHENTICATED)
            .unwrap_or(UNKNOWN),
    )
}

/// Puts a status and its message where a client looks for them: in trailers, or in a head without a body.
pub fn put_status(fields: &mut HeaderMap, status: u8, message: &str) {
    fields.insert(GRPC_STATUS, HeaderValue::from(u16::from(status)));
    if let Ok(message) = HeaderValue::from_str(&percent_encode(message)) {
        fields.insert(GRPC_MESSAGE, message);
    }
}

fn percent_encode(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// The status that a client derives from an HTTP status
/// (<https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>); beyond that document, what is too
/// large is RESOURCE_EXHAUSTED.
pub fn status_of_http(status: StatusCode) -> u8 {
    match status.as_u16() {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        413 | 431 => RESOURCE_EXHAUSTED,
        429 | 502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// The status that a client derives from a stream that was reset (section "Errors" of the protocol).
pub fn status_of_reset(reason: Reason) -> u8 {
    match reason {
        Reason::REFUSED_STREAM => UNAVAILABLE,
        Reason::CANCEL => CANCELLED,
        Reason::ENHANCE_YOUR_CALM => RESOURCE_EXHAUSTED,
        Reason::INADEQUATE_SECURITY => PERMISSION_DENIED,
        _ => INTERNAL,
    }
}

/// Why a peer reset the stream, if that is what happened; not when its whole connection broke off.
pub fn reset(error: &hyper::Error) -> Option<Reason> {
    let error = error.source()?.downcast_ref::<h2::Error>()?;
    if error.is_reset() {
        error.reason()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_told_apart() {
        for (content_type, grpc) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/grpcx", false),
            ("application/json", false),
        ] {
            let value = HeaderValue::from_static(content_type);
            assert_eq!(is_content_type(&value), grpc, "{content_type}");
        }
    }

    #[test]
    fn timeouts_have_a_unit_and_few_digits() {
        for (text, expected) in [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("00000250m", Some(Duration::from_millis(250))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("0n", Some(Duration::ZERO)),
            ("000000250m", None),
            ("m", None),
            ("-1S", None),
            ("1.5S", None),
            ("5s", None),
            ("5", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, HeaderValue::from_static(text));
            assert_eq!(timeout(&headers), expected, "{text:?}");
        }
    }

    #[test]
    fn a_status_is_one_of_those_that_there_are() {
        for (text, expected) in [("0", 0), ("16", 16), ("17", 2), ("-1", 2), ("x", 2)] {
            let fields = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static(text))]);
            assert_eq!(status(&fields), Some(expected), "{text}");
        }
        assert_eq!(status(&HeaderMap::new()), None);
    }

    #[test]
    fn messages_are_percent_encoded() {
        let mut fields = HeaderMap::new();
        put_status(&mut fields, UNAVAILABLE, "100% \u{e9}\n");
        assert_eq!(fields[GRPC_STATUS], "14");
        assert_eq!(status(&fields), Some(UNAVAILABLE));
        assert_eq!(fields[GRPC_MESSAGE], "100%25 %C3%A9%0A");
    }
}
