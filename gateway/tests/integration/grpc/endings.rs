//! Calls that end before their time: cancelled, reset, too late, or without a status.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::Reason;
use http::Response;
use tokio::sync::{Notify, mpsc};

use super::peer::{self, Client, message};
use crate::support::{
    eventually,
    gateway::{Gateway, Setup},
    soon,
};

async fn proxy(upstream: SocketAddr, route: &str) -> Gateway {
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{upstream}'], protocol: http2 }} }}\n\
         routes: [{{ name: all, to: up{route} }}]"
    );
    Setup::new().routes(&yaml).start().await
}

/// What an upstream tells of a call.
enum Event {
    Begun,
    Reset(Reason, Duration),
}

/// Waits until the upstream sees the call reset.
async fn reset(events: &mut mpsc::UnboundedReceiver<Event>) -> (Reason, Duration) {
    loop {
        let event = soon("the reset upstream", events.recv()).await.unwrap();
        if let Event::Reset(reason, after) = event {
            return (reason, after);
        }
    }
}

/// An upstream that goes so far with each call.
async fn patient(messages: Option<usize>) -> (SocketAddr, mpsc::UnboundedReceiver<Event>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let address = peer::upstream(move |mut call| {
        let sender = sender.clone();
        async move {
            let begun = Instant::now();
            let _ = sender.send(Event::Begun);
            let reason = match messages {
                None => peer::reset_of_response(&mut call.respond).await,
                Some(count) => {
                    let mut stream = call.begin();
                    for _ in 0..count {
                        stream.send_data(message("piece"), false).unwrap();
                    }
                    peer::reset_of(&mut stream).await
                }
            };
            let _ = sender.send(Event::Reset(reason, begun.elapsed()));
        }
    })
    .await;
    (address, receiver)
}

#[tokio::test]
async fn what_a_client_cancels_is_cancelled_upstream() {
    for messages in [None, Some(0), Some(1)] {
        for uploading in [false, true] {
            let (upstream, mut resets) = patient(messages).await;
            let gateway = proxy(upstream, "").await;
            let mut client = Client::new(gateway.address()).await;
            let (response, mut sending) = client.call("/a.B/C", &[]).await;
            sending.send_data(message("hello"), !uploading).unwrap();
            // One that has not gone out would never come to the upstream.
            soon("the call", resets.recv()).await.unwrap();
            let response = match messages {
                None => Err(response),
                Some(_) => Ok(soon("the head", response).await.unwrap()),
            };
            if let Some(1) = messages {
                let mut response = response.unwrap();
                let piece = soon("a message", response.body_mut().data()).await;
                assert_eq!(piece.unwrap().unwrap(), message("piece"));
                sending.send_reset(Reason::CANCEL);
                drop(response);
            } else {
                sending.send_reset(Reason::CANCEL);
            }
            let (reason, _) = reset(&mut resets).await;
            assert_eq!(reason, Reason::CANCEL, "{messages:?} {uploading}");
            gateway
                .access
                .wait_for("the exchange", |line| line["ending"] == "client-gone")
                .await;
        }
    }
}

#[tokio::test]
async fn a_reset_upstream_is_a_status() {
    let reasons = [
        (Reason::CANCEL, "1"),
        (Reason::INTERNAL_ERROR, "13"),
        (Reason::ENHANCE_YOUR_CALM, "8"),
        (Reason::REFUSED_STREAM, "14"),
        (Reason::INADEQUATE_SECURITY, "7"),
    ];
    let arrived = Arc::new(Notify::new());
    let told = Arc::clone(&arrived);
    let upstream = peer::upstream(move |mut call| {
        let arrived = Arc::clone(&told);
        async move {
            call.read().await;
            let path = call.head.uri.path().to_owned();
            let (when, reason) = path[1..].split_once('/').unwrap();
            let reason = Reason::from(reason.parse::<u32>().unwrap());
            match when {
                "before" => call.respond.send_reset(reason),
                _ => {
                    let mut stream = call.begin();
                    stream.send_data(message("piece"), false).unwrap();
                    // A reset overtakes what is still on its way.
                    soon("the piece at the client", arrived.notified()).await;
                    stream.send_reset(reason);
                }
            }
        }
    })
    .await;
    let gateway = proxy(upstream, "").await;
    let mut client = Client::new(gateway.address()).await;
    for (reason, status) in reasons {
        let path = format!("/before/{}", u32::from(reason));
        let outcome = client.unary(&path, &[]).await;
        assert_eq!(outcome.status(), (status, true), "{reason:?} before");
        let path = format!("/after/{}", u32::from(reason));
        let outcome = client.unary_telling(&path, &[], &arrived).await;
        assert_eq!(outcome.body, message("piece"));
        assert_eq!(outcome.status(), (status, false), "{reason:?} after");
    }
    let line = gateway
        .access
        .wait_for("a cut call", |line| {
            line["path"] == "/after/8" && line["ending"] == "upstream-failed"
        })
        .await;
    assert_eq!(line["grpc_status"], 1);
    eventually("all calls to be counted", || async {
        let metrics = gateway.metrics().await;
        let calls = |status| {
            let status = format!("status=\"{status}\"");
            metrics.sum("witgate_grpc_calls_total", &["route=\"all\"", &status])
        };
        let names = [
            "CANCELLED",
            "INTERNAL",
            "PERMISSION_DENIED",
            "UNAVAILABLE",
            "OK",
        ];
        names.map(calls) == [2.0, 2.0, 2.0, 2.0, 0.0]
    })
    .await;
    assert!(
        line["reason"]
            .as_str()
            .is_some_and(|it| it.contains("no longer needed")),
        "{line}"
    );
}

/// What is no gRPC has no status: the stream is reset for the same reason.
#[tokio::test]
async fn other_streams_are_reset_as_they_were() {
    let arrived = Arc::new(Notify::new());
    let told = Arc::clone(&arrived);
    let upstream = peer::upstream(move |mut call| {
        let arrived = Arc::clone(&told);
        async move {
            call.read().await;
            let mut stream = call
                .respond
                .send_response(Response::new(()), false)
                .unwrap();
            stream
                .send_data(Bytes::from_static(b"piece"), false)
                .unwrap();
            soon("the piece at the client", arrived.notified()).await;
            stream.send_reset(Reason::ENHANCE_YOUR_CALM);
        }
    })
    .await;
    let gateway = proxy(upstream, "").await;
    let mut client = Client::new(gateway.address()).await;
    let plain = [("content-type", "text/plain")];
    let outcome = client.unary_telling("/", &plain, &arrived).await;
    assert_eq!(outcome.body, b"piece");
    assert_eq!(outcome.reset, Some(Reason::ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn a_calls_deadline_is_the_clients() {
    for messages in [None, Some(0), Some(1)] {
        for uploading in [false, true] {
            let (upstream, mut resets) = patient(messages).await;
            let gateway = proxy(upstream, "").await;
            let mut client = Client::new(gateway.address()).await;
            let (response, mut sending) = client.call("/a.B/C", &[("grpc-timeout", "300m")]).await;
            sending.send_data(message("hello"), !uploading).unwrap();
            let begun = Instant::now();
            let outcome = peer::outcome(response).await;
            assert!(begun.elapsed() >= Duration::from_millis(290));
            assert_eq!(outcome.status(), ("4", messages.is_none()), "{outcome:?}");
            let expected = messages.map_or(0, |count| count * message("piece").len());
            assert_eq!(outcome.body.len(), expected);
            let (reason, after) = reset(&mut resets).await;
            assert_eq!(reason, Reason::CANCEL, "{messages:?} {uploading}");
            assert!(after < Duration::from_secs(5), "{after:?}");
            gateway
                .access
                .wait_for("the deadline", |line| line["ending"] == "timeout")
                .await;
        }
    }
}

#[tokio::test]
async fn the_earlier_deadline_counts_and_a_route_may_set_it() {
    let (upstream, mut resets) = patient(None).await;
    let gateway = proxy(upstream, ", timeouts: { request: 100ms }").await;
    let mut client = Client::new(gateway.address()).await;
    let outcome = client.unary("/a.B/C", &[("grpc-timeout", "1H")]).await;
    assert_eq!(outcome.status(), ("4", true));
    reset(&mut resets).await;

    let (upstream, _resets) = patient(None).await;
    let set = ", headers: { request: { set: { grpc-timeout: 100m } } }";
    let gateway = proxy(upstream, set).await;
    let mut client = Client::new(gateway.address()).await;
    let outcome = client.unary("/a.B/C", &[]).await;
    assert_eq!(outcome.status(), ("4", true));
    let message = &outcome.head.headers["grpc-message"];
    assert_eq!(message, "the call's deadline has passed");
    // One that has passed already goes nowhere.
    let (upstream, mut resets) = patient(None).await;
    let gateway = proxy(upstream, "").await;
    let mut client = Client::new(gateway.address()).await;
    let outcome = client.unary("/a.B/C", &[("grpc-timeout", "1n")]).await;
    assert_eq!(outcome.status(), ("4", true));
    assert!(resets.try_recv().is_err());
}

/// More than all windows hold is still to be sent when the server has seen enough.
#[tokio::test]
async fn a_call_that_its_server_ends_early() {
    let upstream = peer::upstream(|mut call| async move {
        soon("a message", call.body.data()).await;
        call.fail("5");
    })
    .await;
    let gateway = proxy(upstream, "").await;
    let mut client = Client::new(gateway.address()).await;
    let (response, mut sending) = client.call("/a.B/C", &[]).await;
    for _ in 0..100 {
        let piece = Bytes::from(vec![0; 1 << 20]);
        sending.send_data(piece, false).unwrap();
    }
    let outcome = peer::outcome(response).await;
    assert_eq!(outcome.status(), ("5", true));
    peer::reset_of(&mut sending).await;
    let outcome = client.unary("/a.B/C", &[]).await;
    assert_eq!(outcome.status(), ("5", true), "the connection lives on");
}

#[tokio::test]
async fn a_call_without_a_status_gets_one() {
    let upstream = peer::upstream(|mut call| async move {
        call.read().await;
        let mut stream = call.begin();
        stream.send_data(message("piece"), true).unwrap();
    })
    .await;
    let gateway = proxy(upstream, "").await;
    let mut client = Client::new(gateway.address()).await;
    let outcome = client.unary("/a.B/C", &[]).await;
    assert_eq!(outcome.body, message("piece"));
    assert_eq!(outcome.status(), ("13", false));
}

#[tokio::test]
async fn a_silent_call_ends_with_a_status() {
    let (upstream, mut resets) = patient(Some(1)).await;
    let gateway = proxy(upstream, ", timeouts: { idle: 200ms }").await;
    let mut client = Client::new(gateway.address()).await;
    let outcome = client.unary("/a.B/C", &[]).await;
    assert_eq!(outcome.status(), ("14", false));
    reset(&mut resets).await;
}
