//! Body phases: streaming, holding, waiting.

use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use super::*;

pub(super) type Frames =
    StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, std::convert::Infallible>>>>;

pub(super) fn frames(pieces: &[&'static str], trailer: Option<&'static str>) -> Frames {
    let data = pieces
        .iter()
        .map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
    let trailers = trailer.map(|value| {
        let value = HeaderValue::from_static(value);
        Frame::trailers(
            [(http::HeaderName::from_static("x-end"), value)]
                .into_iter()
                .collect(),
        )
    });
    let all: Vec<_> = data.chain(trailers).map(Ok).collect();
    StreamBody::new(stream::iter(all))
}

/// The pieces that the upstream gets.
async fn upload(
    deeds: &str,
    pieces: &[&'static str],
) -> Result<(request::Parts, Vec<String>), Failure> {
    let bed = Bed::new();
    let plugins = hostile_within("body: 16", "");
    let chain = bed.compiled(&plugins, deeds);
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let mut parts = request();
    let mut body = match exchange.on_request(&mut parts, frames(pieces, None)).await {
        Ok(Flow::Next(body)) => body,
        Ok(Flow::Reply(reply)) => {
            return Ok((parts, vec![format!("reply {}", reply.status().as_u16())]));
        }
        Ok(Flow::Unavailable(refusal)) => panic!("{refusal}"),
        Err(PhaseError::Failure(failure)) => return Err(failure),
        Err(PhaseError::Body(never)) => match never {},
    };
    let mut sent = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => sent.push(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()),
            Err(Break::Interrupted) => match exchange.interruption().unwrap() {
                Interruption::Failure(failure) => return Err(failure),
                Interruption::Reply(reply) => {
                    sent.push(format!("reply {}", reply.status().as_u16()));
                }
            },
            Err(Break::Source(never)) => match never {},
        }
    }
    assert!(Body::is_end_stream(&body));
    Ok((parts, sent))
}

#[tokio::test]
async fn pieces_stream_through() {
    let (parts, sent) = upload("[{ hostile: { on-request-body: replace } }]", &["ab", "cd"])
        .await
        .unwrap();
    assert_eq!(sent, ["AB", "CD", "!"]);
    assert!(
        !parts.headers.contains_key("content-length"),
        "its length is not known any more"
    );
}

#[tokio::test]
async fn held_pieces_come_again() {
    let chain =
        "[{ hostile: { on-request-body: hold } }, { hostile: { on-request-body: replace } }]";
    let (_, sent) = upload(chain, &["ab", "cd", "ef"]).await.unwrap();
    assert_eq!(sent, ["ABCDEF!"]);
    let failure = upload(chain, &["0123456789", "0123456789"])
        .await
        .unwrap_err();
    assert!(matches!(failure.kind, FailureKind::BodyTooLarge(16)));
}

#[tokio::test]
async fn done_is_not_asked_again() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[{ hostile: { on-request-body: done } }]");
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let body = exchange
        .on_request(&mut request(), frames(&["a", "b", "c"], Some("x")))
        .await;
    let Ok(Flow::Next(body)) = body else {
        panic!("goes on")
    };
    let whole = body.collect().await.unwrap();
    assert_eq!(whole.trailers().unwrap()["x-end"], "x");
    assert_eq!(whole.to_bytes(), "abc");
    assert_eq!(
        bed.metric("witgate_sandbox_calls_total{plugin=\"hostile\",phase=\"on-request-body\"}"),
        1
    );
}

#[tokio::test]
async fn a_plugin_waits_for_the_body_and_edits_the_head_then() {
    let waits = "{ hostile: { on-request: wait-body, on-request-body: replace, most: 10 } }";
    let (parts, sent) = upload(&format!("[{waits}]"), &["ab", "cd"]).await.unwrap();
    assert_eq!(parts.headers["x-length"], "4");
    assert_eq!(sent, ["ABCD!"]);
    let (parts, _) = upload(&format!("[{waits}]"), &[]).await.unwrap();
    assert_eq!(parts.headers["x-length"], "0");
    let before = "{ hostile: { on-request-body: replace } }";
    let (parts, sent) = upload(&format!("[{before}, {waits}]"), &["ab", "cd"])
        .await
        .unwrap();
    assert_eq!(
        (parts.headers["x-length"].to_str().unwrap(), sent),
        ("5", vec!["ABCD!!".to_owned()])
    );
    let failure = upload(&format!("[{waits}]"), &["0123456789", "0"])
        .await
        .unwrap_err();
    assert!(matches!(failure.kind, FailureKind::BodyTooLarge(10)));
    assert_eq!(failure.fault(), crate::pipeline::context::Fault::Client);
}

#[tokio::test]
async fn a_body_can_be_answered() {
    let (_, sent) = upload("[{ hostile: { on-request-body: reply } }]", &["ab"])
        .await
        .unwrap();
    assert_eq!(sent, ["reply 418"]);
    let waits = "[{ hostile: { on-request: wait-body, on-request-body: reply, most: 10 } }]";
    let (_, sent) = upload(waits, &["ab"]).await.unwrap();
    assert_eq!(sent, ["reply 418"]);
    let failure = upload("[{ hostile: { on-request-body: trap } }]", &["ab"])
        .await
        .unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Trap(_)));
    assert_eq!(failure.phase, Phase::RequestBody);
}

#[tokio::test]
async fn responses_run_backwards_and_trailers_can_be_set() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &hostile(""),
        "[{ hostile: { on-response: wait-body, on-response-body: replace, most: 100 } }, { hostile: { on-response-body: edit } }]",
    );
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    head(&exchange, &mut request()).await.unwrap();
    let mut parts = response();
    let body = exchange
        .on_response(&mut parts, frames(&["ab", "cd"], Some("x")))
        .await
        .unwrap();
    assert_eq!(parts.headers["x-length"], "4");
    let whole = body.collect().await.unwrap();
    let trailers = whole.trailers().unwrap();
    assert_eq!(
        (&trailers["x-end"], &trailers["x-trailer"]),
        (
            &HeaderValue::from_static("x"),
            &HeaderValue::from_static("set")
        )
    );
    assert_eq!(whole.to_bytes(), "ABCD!");
}

#[tokio::test]
async fn a_body_that_is_not_there_bothers_nobody() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[{ hostile: { on-request-body: trap } }]");
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let mut parts = request();
    let body = exchange
        .on_request(&mut parts, http_body_util::Empty::<Bytes>::new())
        .await;
    let Ok(Flow::Next(body)) = body else {
        panic!("goes on")
    };
    assert!(Body::is_end_stream(&body));
    assert!(parts.headers.contains_key("content-length"));
}
