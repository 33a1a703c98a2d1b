//! When another exchange brings down the instance.

use witgate_plugin::testing;

use super::{Exchange, Transcoder, answered, book, request, sent, transcoder, watching};

#[test]
fn a_stream_goes_on_with_the_next_message() {
    for accept in [
        "application/json",
        "application/x-ndjson",
        "text/event-stream",
    ] {
        let transcoder = transcoder();
        let whole = stream(&transcoder, accept, |_| {});
        let lost = stream(&transcoder, accept, |exchange| exchange.lose_state());
        assert_eq!(lost, whole, "{accept}");
    }
}

/// All that goes out of three messages, of which the second comes in pieces.
fn stream(
    transcoder: &Transcoder,
    accept: &str,
    between: fn(&mut Exchange<'_, Transcoder>),
) -> String {
    let mut exchange = watching(transcoder, accept);
    let book = book(transcoder);
    let (start, end) = book.split_at(20);
    let mut out = String::new();
    for (piece, last) in [
        (&*book, false),
        (start, false),
        (end, false),
        (&*book, true),
    ] {
        between(&mut exchange);
        out += &sent(&exchange.on_response_body(piece, last).unwrap());
    }
    out
}

#[test]
fn a_call_that_waits_for_its_answer_gets_it() {
    let transcoder = transcoder();
    let mut exchange = Exchange::new(&transcoder, request("GET", "/v1/shelves/fiction/books/42"));
    exchange.on_request().unwrap();
    exchange.on_request_body(b"", true).unwrap();
    exchange.lose_state();
    exchange.on_response(answered()).unwrap();
    exchange.lose_state();
    let printed = exchange.on_response_body(&book(&transcoder), true).unwrap();
    assert!(sent(&printed).starts_with(r#"{"shelf":"fiction""#));
}

#[test]
fn what_is_too_long_to_be_kept_breaks_off() {
    let transcoder = transcoder();
    let mut exchange = watching(&transcoder, "application/x-ndjson");
    exchange
        .on_response_body(&book(&transcoder), false)
        .unwrap();
    let long = [&[0, 0, 0, 0x40, 0][..], &[0; 5000]].concat();
    exchange.on_response_body(&long, false).unwrap();
    exchange.lose_state();
    assert!(exchange.on_response_body(b"", false).is_err());
}

#[test]
fn a_request_that_is_still_read_cannot_go_on() {
    let transcoder = transcoder();
    let mut exchange = Exchange::new(&transcoder, request("GET", "/v1/shelves/fiction/books/42"));
    exchange.on_request().unwrap();
    exchange.lose_state();
    assert!(exchange.on_request_body(b"", true).is_err());
}

#[test]
fn a_silent_stream_of_events_gets_comments() {
    let silence = |settings: &serde_json::Value, accept| {
        let transcoder = crate::testing::transcoder(super::PROTO, settings);
        watching(&transcoder, accept).keep_alive()
    };
    let seconds = |seconds| Some((std::time::Duration::from_secs(seconds), b":\n\n".to_vec()));
    let default = serde_json::json!({});
    assert_eq!(silence(&default, "text/event-stream"), seconds(15));
    assert_eq!(silence(&default, "application/x-ndjson"), None);
    let set = |after: &str| serde_json::json!({ "streams": { "sse": { "keep-alive": after } } });
    assert_eq!(silence(&set("1s"), "text/event-stream"), seconds(1));
    assert_eq!(silence(&set("0s"), "text/event-stream"), None);
}

#[test]
fn fields_that_the_descriptors_do_not_know_are_counted() {
    testing::reset();
    let transcoder = transcoder();
    // Field 900, a varint; pretty printing takes the other way through a message.
    let unknown = [0xa0, 0x38, 1, 0xa0, 0x38, 2];
    let framed = [&[0, 0, 0, 0, 6][..], &unknown].concat();
    let mut exchange = Exchange::new(&transcoder, request("GET", "/v1/shelves/fiction/books/42"));
    exchange.on_request().unwrap();
    exchange.on_request_body(b"", true).unwrap();
    exchange.on_response(answered()).unwrap();
    let printed = exchange.on_response_body(&framed, true).unwrap();
    assert_eq!(sent(&printed), "{}");
    assert_eq!(testing::metric("unknown_response_fields_total", &[]), 2);
}
