//! `wait-first`: a head that is held back until the first piece of its body.

use std::convert::Infallible;

use futures_util::{FutureExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use tokio::sync::mpsc;

use super::{bodies::frames, *};

const WAITS: &str = "{ hostile: { on-response: wait-first } }";
const HOLDS: &str =
    "{ hostile: { on-response: wait-first, on-response-body: hold-first, most: 4 } }";

type Piece = Result<Frame<Bytes>, Infallible>;

/// A body whose pieces come when the test sends them.
fn piecemeal() -> (
    mpsc::UnboundedSender<&'static str>,
    UnsyncBoxBody<Bytes, Infallible>,
) {
    let (sender, mut pieces) = mpsc::unbounded_channel();
    let pieces = stream::poll_fn(move |cx| pieces.poll_recv(cx));
    let frame = |piece: &'static str| -> Piece { Ok(Frame::data(piece.into())) };
    let pieces = futures_util::StreamExt::map(pieces, frame);
    (sender, StreamBody::new(pieces).boxed_unsync())
}

async fn begun(bed: &Bed, plugins: &str, chain: &str) -> Exchange {
    let chain = bed.compiled(plugins, chain);
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    head(&exchange, &mut request()).await.unwrap();
    exchange
}

async fn next<B>(body: &mut ChainBody<B>) -> String
where
    B: Body<Data = Bytes, Error = Infallible> + Unpin,
{
    let frame = body.frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn the_head_goes_out_with_the_first_piece() {
    let bed = Bed::new();
    let exchange = begun(&bed, &hostile(""), &format!("[{WAITS}]")).await;
    let (sender, body) = piecemeal();
    let mut parts = response();
    let mut body = {
        let mut waiting = Box::pin(exchange.on_response(&mut parts, body));
        assert!(
            waiting.as_mut().now_or_never().is_none(),
            "nothing has come"
        );
        sender.send("abc").unwrap();
        waiting.await.unwrap()
    };
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["x-length"]),
        (203, &"3".parse().unwrap())
    );
    assert!(!parts.headers.contains_key("content-length"));
    assert_eq!(next(&mut body).await, "abc");
    assert!(body.frame().now_or_never().is_none());
    sender.send("d").unwrap();
    assert_eq!(next(&mut body).await, "d");
    drop(sender);
    let end = body
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_trailers()
        .unwrap();
    assert_eq!(end["x-sealed"], "true", "later pieces cannot edit the head");
}

#[tokio::test]
async fn held_pieces_hold_the_head_back() {
    let bed = Bed::new();
    let exchange = begun(&bed, &hostile(""), &format!("[{HOLDS}]")).await;
    let (sender, body) = piecemeal();
    let mut parts = response();
    let mut body = {
        let mut waiting = Box::pin(exchange.on_response(&mut parts, body));
        sender.send("ab").unwrap();
        assert!(waiting.as_mut().now_or_never().is_none(), "it is held");
        sender.send("cdef").unwrap();
        waiting.await.unwrap()
    };
    assert_eq!(parts.headers["x-length"], "6");
    assert_eq!(next(&mut body).await, "abcdef");
}

#[tokio::test]
async fn the_end_lets_the_head_go() {
    let bed = Bed::new();
    let exchange = begun(&bed, &hostile(""), &format!("[{HOLDS}]")).await;
    for (pieces, length) in [(&[][..], "0"), (&["ab"][..], "2")] {
        let mut parts = response();
        let body = frames(pieces, Some("x"));
        let body = exchange.on_response(&mut parts, body).await.unwrap();
        assert_eq!(parts.headers["x-length"], length);
        let whole = body.collect().await.unwrap();
        let trailers = whole.trailers().unwrap();
        assert_eq!(
            (&trailers["x-end"], &trailers["x-sealed"]),
            (&"x".parse().unwrap(), &"false".parse().unwrap())
        );
        assert_eq!(whole.to_bytes(), pieces.concat());
    }
}

/// The first of the chain is the last to see a response.
#[tokio::test]
async fn plugins_outside_see_the_head_and_each_piece_once() {
    let bed = Bed::new();
    for outer in [
        "{ hostile: { on-response: edit, on-response-body: replace } }",
        "{ hostile: { on-response: wait-first, on-response-body: replace } }",
        "{ hostile: { on-response: wait-body, on-response-body: replace, most: 20 } }",
    ] {
        let exchange = begun(&bed, &hostile(""), &format!("[{outer}, {HOLDS}]")).await;
        let mut parts = response();
        let body = frames(&["ab", "cdef", "gh"], Some("x"));
        let body = exchange.on_response(&mut parts, body).await.unwrap();
        let status = if outer.contains("edit") { 202 } else { 203 };
        assert_eq!(parts.status, status, "{outer}");
        assert!(parts.headers.contains_key("x-length"), "{outer}");
        let whole = body.collect().await.unwrap();
        assert_eq!(whole.trailers().unwrap()["x-end"], "x");
        assert_eq!(whole.to_bytes(), "ABCDEFGH!", "{outer}");
    }
}

#[tokio::test]
async fn a_reply_is_possible_until_the_head_is_out() {
    let bed = Bed::new();
    let replies = "[{ hostile: { on-response: wait-first, on-response-body: reply } }]";
    let exchange = begun(&bed, &hostile(""), replies).await;
    let mut parts = response();
    let body = exchange
        .on_response(&mut parts, frames(&["ab", "cd"], None))
        .await
        .unwrap();
    assert_eq!(parts.status, 418);
    assert_eq!(text(body).await, "a teapot");
}

#[tokio::test]
async fn what_is_held_is_bounded() {
    let bed = Bed::new();
    let holds = "[{ hostile: { on-response: wait-first, on-response-body: hold } }]";
    let exchange = begun(&bed, &hostile_within("body: 4", ""), holds).await;
    let mut parts = response();
    let body = frames(&["ab", "cde"], None);
    let Err(PhaseError::Failure(failure)) = exchange.on_response(&mut parts, body).await else {
        panic!("refused")
    };
    assert!(matches!(failure.kind, FailureKind::BodyTooLarge(4)));
    assert_eq!(failure.fault(), crate::pipeline::context::Fault::Upstream);
}

/// With `on-failure: open` the response goes on as if the plugin were not there.
#[tokio::test]
async fn a_trap_is_told_or_passed_over() {
    let traps = "[{ hostile: { on-response: wait-first, on-response-body: trap } }]";
    for (settings, passes) in [("", false), (", on-failure: open", true)] {
        let bed = Bed::new();
        let exchange = begun(&bed, &hostile(settings), traps).await;
        let mut parts = response();
        let answered = exchange
            .on_response(&mut parts, frames(&["ab", "cd"], None))
            .await;
        match answered {
            Ok(body) if passes => assert_eq!(text(body).await, "abcd"),
            Err(PhaseError::Failure(failure)) if !passes => {
                assert!(matches!(failure.kind, FailureKind::Trap(_)));
            }
            _ => panic!("{settings}"),
        }
    }
}
