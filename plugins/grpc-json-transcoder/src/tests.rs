//! The whole policy, phase by phase, without a gateway.

mod recovery;

use prost_reflect::{DynamicMessage, Value};
use witgate_plugin::{
    prelude::*,
    testing::{Exchange, TestRequest, TestResponse},
};

use crate::{frame, testing as ours, transcoder::Transcoder};

const PROTO: &str = r#"
syntax = "proto3";
package books;
import "google/api/annotations.proto";
message Book { string shelf = 1; int64 id = 2; string title = 3; string author = 4; int32 pages = 5; bool in_print = 6; repeated string tags = 7; }
message GetRequest { string shelf = 1; int64 id = 2; }
message CreateRequest { Book book = 1; }
service Books {
  rpc Get(GetRequest) returns (Book) { option (google.api.http) = { get: "/v1/shelves/{shelf}/books/{id}" }; }
  rpc Create(CreateRequest) returns (Book) { option (google.api.http) = { post: "/v1/shelves/{book.shelf}/books" body: "book" }; }
  rpc Watch(GetRequest) returns (stream Book) { option (google.api.http) = { get: "/v1/shelves/{shelf}/books:watch" }; }
}
"#;

fn transcoder() -> Transcoder {
    ours::transcoder(PROTO, &serde_json::json!({}))
}

/// The answer of the service, framed.
fn book(transcoder: &Transcoder) -> Vec<u8> {
    let descriptor = transcoder.api.rules()[0].rpc.output();
    let mut book = DynamicMessage::new(descriptor);
    for (name, value) in [
        ("shelf", Value::String(String::from("fiction"))),
        ("id", Value::I64(42)),
        (
            "title",
            Value::String(String::from("The Art of Computer Programming")),
        ),
        ("author", Value::String(String::from("Donald E. Knuth"))),
        ("pages", Value::I32(672)),
    ] {
        book.set_field_by_name(name, value);
    }
    let mut framed = Vec::new();
    frame::append(&book, &mut framed);
    framed
}

fn request(method: &str, path: &str) -> TestRequest {
    TestRequest::new(method, path)
        .header("accept", "*/*")
        .header("user-agent", "curl/8.0")
        .header("x-request-id", "0123456789abcdef")
}

fn answered() -> TestResponse {
    TestResponse::new(200)
        .header("content-type", "application/grpc")
        .header("grpc-accept-encoding", "gzip")
        .trailer("grpc-status", "0")
}

#[test]
fn a_unary_call_there_and_back() {
    let transcoder = transcoder();
    let mut exchange = Exchange::new(&transcoder, request("GET", "/v1/shelves/fiction/books/42"));
    assert!(matches!(
        exchange.on_request().unwrap(),
        Verdict::WaitBody(_)
    ));
    assert_eq!(exchange.request().path(), "/books.Books/Get");
    assert_eq!(exchange.request().method(), "POST");
    assert_eq!(
        exchange.on_request_body(b"", true).unwrap(),
        BodyAction::Replace(b"\0\0\0\0\x0b\x0a\x07fiction\x10\x2a".to_vec())
    );
    let verdict = exchange.on_response(answered()).unwrap();
    assert!(matches!(verdict, ResponseVerdict::WaitBody(_)));
    let printed = exchange.on_response_body(&book(&transcoder), true).unwrap();
    let expected = r#"{"shelf":"fiction","id":"42","title":"The Art of Computer Programming","author":"Donald E. Knuth","pages":672}"#;
    assert_eq!(printed, BodyAction::Replace(expected.as_bytes().to_vec()));
    let response = exchange.response();
    assert_eq!(
        response.header("content-type").as_deref(),
        Some("application/json")
    );
    assert_eq!(response.header("grpc-accept-encoding"), None);
}

#[test]
fn calls_that_are_grpc_already_pass() {
    let transcoder = transcoder();
    let request =
        request("POST", "/books.Books/Get").header("content-type", "application/grpc+proto");
    let mut exchange = Exchange::new(&transcoder, request);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    assert_eq!(
        exchange.on_request_body(b"x", true).unwrap(),
        BodyAction::Done
    );
    assert_eq!(
        exchange.on_response(answered()).unwrap(),
        ResponseVerdict::Next
    );
    assert_eq!(
        exchange.on_response_body(b"x", true).unwrap(),
        BodyAction::Done
    );
}

/// A stream whose head has come.
fn watching<'t>(transcoder: &'t Transcoder, accept: &str) -> Exchange<'t, Transcoder> {
    let request = TestRequest::get("/v1/shelves/fiction/books:watch").header("accept", accept);
    let mut exchange = Exchange::new(transcoder, request);
    exchange.on_request().unwrap();
    exchange.on_request_body(b"", true).unwrap();
    let verdict = exchange.on_response(answered()).unwrap();
    assert_eq!(verdict, ResponseVerdict::WaitFirst);
    exchange
}

const SMALL: &[u8] = b"\0\0\0\0\x02\x28\x07";

fn sent(action: &BodyAction) -> String {
    match action {
        BodyAction::Replace(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_message_of_a_stream_goes_out_as_it_comes() {
    let transcoder = transcoder();
    let mut exchange = watching(&transcoder, "*/*");
    // Until there is a message, the head waits; what is held comes again.
    assert_eq!(
        exchange.on_response_body(&SMALL[..6], false).unwrap(),
        BodyAction::Hold
    );
    let first = exchange.on_response_body(SMALL, false).unwrap();
    assert_eq!(sent(&first), r#"[{"pages":7}"#);
    let cut = exchange.on_response_body(&SMALL[..3], false).unwrap();
    assert_eq!(sent(&cut), "");
    let two = [&SMALL[3..], SMALL].concat();
    let next = exchange.on_response_body(&two, false).unwrap();
    assert_eq!(sent(&next), r#",{"pages":7},{"pages":7}"#);
    assert_eq!(sent(&exchange.on_response_body(b"", true).unwrap()), "]");
    let response = exchange.response();
    assert_eq!(
        response.header("content-type").as_deref(),
        Some("application/json")
    );
}

#[test]
fn a_large_first_message_is_not_held() {
    let transcoder = transcoder();
    let mut exchange = watching(&transcoder, "application/x-ndjson");
    let begun = exchange
        .on_response_body(b"\0\0\x10\0\0\x1a", false)
        .unwrap();
    assert_eq!(sent(&begun), "");
}

#[test]
fn a_stream_that_is_cut_off_says_so() {
    let transcoder = transcoder();
    let mut exchange = watching(&transcoder, "application/x-ndjson");
    exchange.on_response_body(SMALL, false).unwrap();
    let end = exchange.on_response_body(b"\0\0\0\0\x05a", true).unwrap();
    let text = sent(&end);
    assert!(
        text.starts_with(r#"{"error":{"code":13,"message":"Incomplete gRPC frame"#),
        "{text}"
    );
}

#[test]
fn without_what_was_known_of_the_exchange_nothing_passes() {
    let transcoder = transcoder();
    let mut exchange = Exchange::new(&transcoder, request("GET", "/v1/shelves/fiction/books/42"));
    assert!(exchange.on_response(answered()).is_err());
    assert!(exchange.on_response_body(b"x", true).is_err());
}

#[test]
fn trailers_of_a_unary_call_become_header_fields() {
    let transcoder = transcoder();
    let mut exchange = Exchange::new(&transcoder, request("GET", "/v1/shelves/fiction/books/42"));
    exchange.on_request().unwrap();
    exchange.on_request_body(b"", true).unwrap();
    let answer = answered().trailer("x-cost", "7");
    exchange
        .on_response(answer.trailer("content-type", "text/html"))
        .unwrap();
    exchange.on_response_body(&book(&transcoder), true).unwrap();
    let response = exchange.response();
    assert_eq!(response.header("x-cost").as_deref(), Some("7"));
    assert_eq!(
        response.header("content-type").as_deref(),
        Some("application/json")
    );
    assert!(response.trailers().is_empty());
}
