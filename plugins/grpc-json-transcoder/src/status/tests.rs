//! What clients are told.

use prost_reflect::DescriptorPool;
use serde_json::{Value, json};

use super::*;

fn errors() -> Errors {
    Errors::new(&ErrorSettings::default())
}

fn told(status: &Status, format: ErrorFormat) -> (Told, Value) {
    let told = errors().tell(status, format, &DescriptorPool::new());
    let body = serde_json::from_slice(&told.body).unwrap();
    (told, body)
}

fn field<'t>(told: &'t Told, name: &str) -> Option<&'t str> {
    let mut fields = told.fields.iter();
    fields
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn messages_are_percent_decoded() {
    let status =
        Status::from_fields(b"5", Some(b"Resource%20not%20found%E2%82%AC%"), None).unwrap();
    assert_eq!(status.message, "Resource not found€%");
    assert!(Status::from_fields(b"0", Some(b"fine"), None).is_none());
    for wrong in [&b"17"[..], b"1024", b"-1", b"x", b""] {
        assert_eq!(
            Status::from_fields(wrong, None, None).unwrap().code,
            Code::Unknown
        );
    }
}

#[test]
fn details_win_over_the_message() {
    let details = b"CAUSElJlc291cmNlIG5vdCBmb3VuZA";
    let status = Status::from_fields(b"5", Some(b"unused"), Some(details)).unwrap();
    let (told, body) = told(&status, ErrorFormat::Status);
    assert_eq!(told.status, 404);
    assert_eq!(body, json!({"code": 5, "message": "Resource not found"}));
}

#[test]
fn details_of_types_that_nobody_knows_are_kept() {
    // A status with one detail of type `acme.Unknown` and the bytes 1, 2.
    let bytes = b"\x08\x05\x1a\x26\x0a\x20type.googleapis.com/acme.Unknown\x12\x02\x01\x02";
    let mut encoded = String::new();
    base64::encode_into(bytes, &mut encoded);
    let status = Status::from_fields(b"5", None, Some(encoded.as_bytes())).unwrap();
    let (_, body) = told(&status, ErrorFormat::Status);
    let detail = json!({"@type": "type.googleapis.com/acme.Unknown", "value": "AQI="});
    assert_eq!(body, json!({"code": 5, "details": [detail]}));
}

#[test]
fn refusals_name_the_field() {
    let status = Status::from(Refusal::invalid("shelf.id", "invalid value \"abc\""));
    let (told, body) = told(&status, ErrorFormat::Status);
    assert_eq!(told.status, 400);
    assert_eq!(
        body,
        json!({
            "code": 3,
            "message": "shelf.id: invalid value \"abc\"",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": "shelf.id", "description": "invalid value \"abc\""}],
            }],
        })
    );
}

#[test]
fn problems_and_fields_come_from_details() {
    let mut status = Status::new(Code::Unauthenticated, "who are you?");
    status.details = [
        (
            "type.googleapis.com/google.rpc.ErrorInfo",
            &b"\x0a\x04LOST\x12\x0blib.example\x1a\x1c\x0a\x10www-authenticate\x12\x08Basic x="[..],
        ),
        (
            "type.googleapis.com/google.rpc.RetryInfo",
            b"\x0a\x05\x08\x01\x10\x80\x01",
        ),
    ]
    .into_iter()
    .map(|(url, value)| Detail::new(url, value))
    .collect();
    let (told, body) = told(&status, ErrorFormat::Problem);
    assert_eq!(
        field(&told, "content-type"),
        Some("application/problem+json")
    );
    assert_eq!(field(&told, "www-authenticate"), Some("Basic x="));
    assert_eq!(field(&told, "retry-after"), Some("2"));
    assert_eq!(body["type"], "https://lib.example/LOST");
    assert_eq!(body["title"], "Unauthorized");
    assert_eq!(body["detail"], "who are you?");
    assert_eq!(body["status"], 401);
    assert_eq!(body["details"][1]["retryDelay"], "1.000000128s");
}

#[test]
fn statuses_can_be_overridden() {
    let mut settings = ErrorSettings::default();
    settings.statuses.insert(String::from("NOT_FOUND"), 410);
    settings.details = false;
    let errors = Errors::new(&settings);
    let status = Status::new(Code::NotFound, "");
    let told = errors.tell(&status, ErrorFormat::Status, &DescriptorPool::new());
    assert_eq!(
        (told.status, told.body.as_slice()),
        (410, &b"{\"code\":5}"[..])
    );
}

#[test]
fn what_quotes_a_long_request_is_short() {
    let refusal = Refusal::invalid("ä".repeat(100_000), "x".repeat(100_000));
    let (told, body) = told(&Status::from(refusal), ErrorFormat::Status);
    assert!(told.body.len() < 10_000);
    assert!(body["message"].as_str().unwrap().ends_with("ä…"));
}
