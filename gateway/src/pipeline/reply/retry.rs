//! When a client may come again, as HTTP and as gRPC say it.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// `google.rpc.Status` with details (<https://google.aip.dev/193>), in base64 without padding.
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// <https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback>
const GRPC_RETRY_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `Retry-After` (RFC 9110 section 10.2.3): whole seconds, and not too few of them.
pub fn tell_http(headers: &mut HeaderMap, after: Duration) {
    let seconds = after.as_millis().div_ceil(1000).max(1);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

/// What generated clients retry by, and the details that programs read.
pub fn tell_grpc(headers: &mut HeaderMap, after: Duration, status: u8, message: &str) {
    let millis = i32::try_from(after.as_millis()).unwrap_or(i32::MAX);
    headers.insert(GRPC_RETRY_PUSHBACK, HeaderValue::from(millis));
    let details = BASE64_STANDARD_NO_PAD.encode(rpc_status(after, status, message));
    // Base64 is always a value.
    if let Ok(details) = HeaderValue::from_str(&details) {
        headers.insert(GRPC_STATUS_DETAILS, details);
    }
}

/// A `google.rpc.Status` with a `google.rpc.RetryInfo`.
fn rpc_status(after: Duration, status: u8, message: &str) -> Vec<u8> {
    let mut delay = Vec::new();
    put_number(&mut delay, 1, after.as_secs());
    put_number(&mut delay, 2, after.subsec_nanos().into());
    let mut info = Vec::new();
    put_bytes(&mut info, 1, &delay);
    let mut any = Vec::new();
    put_bytes(&mut any, 1, RETRY_INFO.as_bytes());
    put_bytes(&mut any, 2, &info);
    let mut out = Vec::new();
    put_number(&mut out, 1, status.into());
    put_bytes(&mut out, 2, message.as_bytes());
    put_bytes(&mut out, 3, &any);
    out
}

/// A field of the type varint; the default is left out.
fn put_number(out: &mut Vec<u8>, field: u8, number: u64) {
    if number > 0 {
        out.push(field << 3);
        put_varint(out, number);
    }
}

/// A field with a length.
fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The lowest seven bits.
        out.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, seconds) in [
            (0, "1"),
            (1, "1"),
            (1_000, "1"),
            (1_001, "2"),
            (60_000, "60"),
        ] {
            let mut headers = HeaderMap::new();
            tell_http(&mut headers, Duration::from_millis(millis));
            assert_eq!(headers[header::RETRY_AFTER], seconds);
        }
    }

    #[test]
    fn the_details_are_a_status_with_retry_info() {
        // As protoc encodes { code: 14, message: "no", details: [RetryInfo { retry_delay: { seconds: 200, nanos: 5 } }] }.
        let info = b"\x0a\x05\x08\xc8\x01\x10\x05";
        let mut expected = b"\x08\x0e\x12\x02no\x1a\x33\x0a\x28".to_vec();
        expected.extend_from_slice(RETRY_INFO.as_bytes());
        expected.extend_from_slice(b"\x12\x07");
        expected.extend_from_slice(info);
        assert_eq!(rpc_status(Duration::new(200, 5), 14, "no"), expected);
        let mut headers = HeaderMap::new();
        tell_grpc(&mut headers, Duration::from_millis(1_500), 14, "no");
        assert_eq!(headers["grpc-retry-pushback-ms"], "1500");
        assert!(headers.contains_key("grpc-status-details-bin"));
    }
}
