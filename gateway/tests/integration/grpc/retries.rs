//! What is sent again, and what must not be.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::Reason;
use http::{Method, Response};

use super::peer::{self, Client, Incoming, message};
use crate::support::{
    client::{self, full, request},
    frames,
    gateway::{Gateway, Setup},
    raw, soon,
    upstream::serve,
};

/// A route over all these endpoints.
async fn over(endpoints: &[SocketAddr], route: &str) -> Gateway {
    let endpoints: Vec<_> = endpoints
        .iter()
        .map(|it| format!("'http://{it}'"))
        .collect();
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: [{}], protocol: http2 }} }}\n\
         routes: [{{ name: all, to: up{route} }}]",
        endpoints.join(", ")
    );
    // One worker, so that who is next is known.
    Setup::new()
        .settings("workers: 1")
        .routes(&yaml)
        .start()
        .await
}

/// Counts the calls that come, and treats each with its number.
async fn counting<F>(
    treat: impl Fn(usize, Incoming) -> F + Clone + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let address = peer::upstream(move |call| treat(counter.fetch_add(1, Relaxed), call)).await;
    (address, count)
}

/// Reads the call to its end and says how long it was.
async fn well() -> (SocketAddr, Arc<AtomicUsize>) {
    counting(|_, mut call| async move {
        let body = call.read().await;
        call.succeed(&body.len().to_string());
    })
    .await
}

async fn refusing(reason: Reason) -> (SocketAddr, Arc<AtomicUsize>) {
    counting(move |_, mut call| async move {
        call.read().await;
        call.respond.send_reset(reason);
    })
    .await
}

async fn failing(status: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    counting(move |_, mut call| async move {
        call.read().await;
        call.fail(status);
    })
    .await
}

async fn retries(gateway: &Gateway) -> (f64, f64) {
    let metrics = gateway.metrics().await;
    (
        metrics.sum("witgate_upstream_retries_total", &[]),
        metrics.sum("witgate_upstream_retries_denied_total", &[]),
    )
}

#[tokio::test]
async fn a_refused_call_goes_to_another_endpoint_with_its_body() {
    let (bad, refused) = refusing(Reason::REFUSED_STREAM).await;
    let (good, served) = well().await;
    let gateway = over(&[bad, good], ", retry: { budget: 100 }").await;
    let mut client = Client::new(gateway.address()).await;
    for _ in 0..4 {
        let outcome = client.unary("/a.B/C", &[]).await;
        assert_eq!(outcome.status(), ("0", false));
        assert_eq!(outcome.body, message("10"));
    }
    assert_eq!(served.load(Relaxed), 4);
    let refused = refused.load(Relaxed);
    assert!(refused > 0);
    assert_eq!(retries(&gateway).await.0, refused as f64);
}

#[tokio::test]
async fn without_retry_a_refused_call_is_refused() {
    let (bad, refused) = refusing(Reason::REFUSED_STREAM).await;
    let gateway = over(&[bad], "").await;
    let mut client = Client::new(gateway.address()).await;
    let outcome = client.unary("/a.B/C", &[]).await;
    assert_eq!(outcome.status(), ("14", true));
    assert_eq!(refused.load(Relaxed), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_down_costs_no_call() {
    let (good, served) = well().await;
    let gateway = over(&["127.0.0.1:1".parse().unwrap(), good], "").await;
    let mut client = Client::new(gateway.address()).await;
    for _ in 0..4 {
        let outcome = client.unary("/a.B/C", &[]).await;
        assert_eq!(outcome.status(), ("0", false));
    }
    assert_eq!(served.load(Relaxed), 4);
}

/// Frame by frame: the connection goes away, and says that it has looked at no stream.
#[tokio::test]
async fn what_a_goaway_leaves_out_is_sent_again() {
    let (good, served) = well().await;
    let away = raw::upstream(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let settings = frames::frame(frames::SETTINGS, 0, 0, &[]);
        stream.write_all(&settings).await.unwrap();
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        // The message is in a frame of its own, which comes after the head.
        while !seen.windows(5).any(|it| it == b"hello") {
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0);
            seen.extend_from_slice(&piece[..count]);
        }
        let nothing_and_no_error = [0; 8];
        let goaway = frames::frame(frames::GOAWAY, 0, 0, &nothing_and_no_error);
        stream.write_all(&goaway).await.unwrap();
        while stream.read(&mut piece).await.is_ok_and(|count| count > 0) {}
    })
    .await;
    let gateway = over(&[away, good], ", retry: {}").await;
    let mut client = Client::new(gateway.address()).await;
    for _ in 0..2 {
        let outcome = client.unary("/a.B/C", &[]).await;
        assert_eq!(outcome.status(), ("0", false), "{outcome:?}");
    }
    assert_eq!(served.load(Relaxed), 2);
    assert!(retries(&gateway).await.0 >= 1.0);
}

#[tokio::test]
async fn a_status_is_sent_again_only_where_the_route_says_so() {
    for (route, status, tries) in [
        (", retry: {}", "14", 1),
        (", retry: { on: unavailable, backoff: 1ms }", "14", 3),
        (
            ", retry: { on: [unavailable], attempts: 1, backoff: 1ms }",
            "14",
            2,
        ),
        (", retry: { on: [unavailable] }", "13", 1),
        (", retry: { on: resource-exhausted, backoff: 1ms }", "8", 3),
    ] {
        let (bad, count) = failing(status).await;
        let gateway = over(&[bad], route).await;
        let mut client = Client::new(gateway.address()).await;
        let outcome = client.unary("/a.B/C", &[]).await;
        assert_eq!(outcome.status(), (status, true), "{route}");
        assert_eq!(count.load(Relaxed), tries, "{route} {status}");
    }
}

#[tokio::test]
async fn what_has_begun_to_be_answered_is_not_sent_again() {
    let (bad, count) = counting(|_, mut call| async move {
        call.read().await;
        let mut stream = call.begin();
        stream.send_data(message("piece"), false).unwrap();
        stream.send_trailers(peer::status("14")).unwrap();
    })
    .await;
    let gateway = over(
        &[bad],
        ", retry: { on: [unavailable, reset], non-idempotent: true }",
    )
    .await;
    let mut client = Client::new(gateway.address()).await;
    let outcome = client.unary("/a.B/C", &[]).await;
    assert_eq!(outcome.status(), ("14", false));
    assert_eq!(outcome.body, message("piece"));
    assert_eq!(count.load(Relaxed), 1);
}

#[tokio::test]
async fn a_reset_is_sent_again_only_when_that_does_no_harm() {
    let (bad, count) = refusing(Reason::INTERNAL_ERROR).await;
    let gateway = over(&[bad], ", retry: { on: reset, backoff: 1ms }").await;
    let mut client = Client::new(gateway.address()).await;
    assert_eq!(client.unary("/a.B/C", &[]).await.status(), ("13", true));
    assert_eq!(count.load(Relaxed), 1, "a POST may have done something");
    let get = request(Method::GET, gateway.address(), "/")
        .body(client::empty())
        .unwrap();
    assert_eq!(client::send(gateway.address(), get).await.status(), 502);
    assert_eq!(count.load(Relaxed), 1 + 3);
    let (bad, count) = refusing(Reason::INTERNAL_ERROR).await;
    let all = ", retry: { on: reset, backoff: 1ms, non-idempotent: true }";
    let gateway = over(&[bad], all).await;
    let mut client = Client::new(gateway.address()).await;
    client.unary("/a.B/C", &[]).await;
    assert_eq!(count.load(Relaxed), 3);
}

#[tokio::test]
async fn a_long_body_is_sent_once() {
    let (bad, count) = refusing(Reason::REFUSED_STREAM).await;
    let gateway = over(&[bad], ", retry: { backoff: 1ms }").await;
    let mut client = Client::new(gateway.address()).await;
    let (response, mut sending) = client.call("/a.B/C", &[]).await;
    // More than is kept, less than a stream's window.
    let piece = Bytes::from(vec![0; 60 * 1024]);
    sending.send_data(piece.clone(), false).unwrap();
    sending.send_data(piece, true).unwrap();
    let outcome = peer::outcome(response).await;
    assert_eq!(outcome.status(), ("14", true));
    assert_eq!(count.load(Relaxed), 1);
}

#[tokio::test]
async fn http_errors_are_sent_again_too() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let upstream = serve(move |_| {
        let nth = counter.fetch_add(1, Relaxed);
        async move {
            let status = if nth.is_multiple_of(2) { 503 } else { 200 };
            let response = Response::builder().status(status);
            response.body(full("body")).unwrap()
        }
    })
    .await;
    let yaml = format!(
        "upstreams: {{ up: 'http://{upstream}' }}\n\
         routes: [{{ name: all, to: up, retry: {{ on: gateway-error, backoff: 1ms }} }}]"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    assert_eq!(gateway.get("/").await.status(), 200);
    let post = request(Method::POST, gateway.address(), "/")
        .body(full("x"))
        .unwrap();
    let answer = client::send(gateway.address(), post).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(seen.load(Relaxed), 3);
}

#[tokio::test]
async fn retries_end_with_their_budget() {
    let (bad, count) = failing("14").await;
    let route = ", retry: { on: unavailable, attempts: 1, backoff: 1ms, budget: 10 }";
    let gateway = over(&[bad], route).await;
    let mut client = Client::new(gateway.address()).await;
    for _ in 0..50 {
        client.unary("/a.B/C", &[]).await;
    }
    let (retried, denied) = retries(&gateway).await;
    assert!((3.0..=6.0).contains(&retried), "{retried}");
    assert_eq!(retried + denied, 50.0);
    assert_eq!(count.load(Relaxed), 50 + retried as usize);
}

#[tokio::test]
async fn retries_end_with_the_deadline() {
    let (bad, _) = failing("14").await;
    let route = ", retry: { on: unavailable, attempts: 10, backoff: 10s }";
    let gateway = over(&[bad], route).await;
    let mut client = Client::new(gateway.address()).await;
    let begun = Instant::now();
    let outcome = client.unary("/a.B/C", &[("grpc-timeout", "200m")]).await;
    assert_eq!(outcome.status(), ("4", true));
    assert!(begun.elapsed() < Duration::from_secs(4));
}

/// The client is silent and its upload open: nothing but the gateway can end what was given up.
#[tokio::test]
async fn what_was_given_up_is_cancelled() {
    let (sender, mut resets) = tokio::sync::mpsc::unbounded_channel();
    let (upstream, count) = counting(move |nth, mut call| {
        let sender = sender.clone();
        async move {
            if nth == 0 {
                call.body.data().await.unwrap().unwrap();
                call.fail("14");
                // It does not reset the stream, and goes on reading.
                let ended = async { while let Some(Ok(_)) = call.body.data().await {} };
                ended.await;
                let _ = sender.send(());
            } else {
                call.succeed("second");
            }
        }
    })
    .await;
    let route = ", retry: { on: unavailable, backoff: 1ms }";
    let gateway = over(&[upstream], route).await;
    let mut client = Client::new(gateway.address()).await;
    let (response, mut sending) = client.call("/a.B/C", &[]).await;
    sending.send_data(message("one"), false).unwrap();
    let outcome = peer::outcome(response).await;
    assert_eq!(outcome.body, message("second"));
    soon("the end of the first try", resets.recv())
        .await
        .unwrap();
    assert_eq!(count.load(Relaxed), 2);
}

/// A bidirectional call is sent again from where it was, and goes on.
#[tokio::test]
async fn a_stream_goes_on_after_it_was_sent_again() {
    let (upstream, count) = counting(|nth, mut call| async move {
        if nth == 0 {
            let piece = call.body.data().await.unwrap().unwrap();
            assert_eq!(piece, message("one"));
            call.respond.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        let body = call.read().await;
        assert_eq!(body, [message("one"), message("two")].concat());
        call.succeed("both");
    })
    .await;
    let gateway = over(&[upstream], ", retry: { backoff: 1ms }").await;
    let mut client = Client::new(gateway.address()).await;
    let (response, mut sending) = client.call("/a.B/C", &[]).await;
    sending.send_data(message("one"), false).unwrap();
    crate::support::eventually("the second try", || async { count.load(Relaxed) == 2 }).await;
    sending.send_data(message("two"), true).unwrap();
    let outcome = soon("the answer", peer::outcome(response)).await;
    assert_eq!(outcome.body, message("both"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (route, message) in [
        ("to: up, retry: { attempts: 0 }", "0 is not from 1 to 10"),
        ("to: up, retry: { budget: 101 }", "101 is not from 1 to 100"),
        ("to: up, retry: { on: [] }", "nothing under `on`"),
        ("to: up, retry: { on: 500 }", "500"),
        (
            "respond: {}, retry: {}",
            "sends nothing that could be sent again",
        ),
    ] {
        let yaml = format!("upstreams: {{ up: 'http://a' }}\nroutes: [{{ name: all, {route} }}]");
        let told = super::refusal(&yaml);
        assert!(told.contains(message), "{route}: {told}");
    }
}
