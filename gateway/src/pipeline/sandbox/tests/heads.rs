//! Head phases: edits, replies, order.

use super::*;

#[tokio::test]
async fn an_empty_chain_changes_nothing() {
    let bed = Bed::new();
    let sandbox = Sandbox::new(&bed.host);
    let exchange = sandbox.begin(&Chain::default(), &facts());
    assert!(exchange.is_empty());
    let mut parts = request();
    let Ok(Flow::Next(body)) = exchange.on_request(&mut parts, full("hello")).await else {
        panic!("goes on");
    };
    assert_eq!(parts.headers, request().headers);
    assert_eq!(text(body).await, "hello");
}

#[tokio::test]
async fn edits_are_seen_and_applied() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[{ hostile: { on-request: edit } }]");
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let mut parts = request();
    assert!(head(&exchange, &mut parts).await.unwrap().is_none());
    assert_eq!(parts.method, "PUT");
    assert_eq!(parts.uri, "/new?q=1");
    assert_eq!(parts.headers["x-set"], "new");
    assert!(!parts.headers.contains_key("x-old"));
    let accept: Vec<_> = parts.headers.get_all("accept").iter().collect();
    assert_eq!(accept, ["some", "more"]);
    assert_eq!(parts.headers["x-seen"], "PUT /new q=1 some, more ");
}

#[tokio::test]
async fn edits_before_a_trap_are_discarded() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &hostile(""),
        "[{ hostile: { on-request: edit-then-trap } }]",
    );
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let mut parts = request();
    let failure = head(&exchange, &mut parts).await.unwrap_err();
    let FailureKind::Trap(trace) = &failure.kind else {
        panic!("{failure}")
    };
    assert!(
        trace.contains("hostile"),
        "the guest's backtrace has names: {trace}"
    );
    assert_eq!(parts.headers, request().headers);
    assert_eq!((parts.method, parts.uri), (request().method, request().uri));
}

#[tokio::test]
async fn what_belongs_to_the_gateway_stays() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[{ hostile: { on-request: bad-edits } }]");
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let mut parts = request();
    let reply = head(&exchange, &mut parts).await.unwrap().unwrap();
    let told = String::from_utf8(reply.into_body().to_vec()).unwrap();
    let told: Vec<_> = told.lines().collect();
    assert_eq!(told[..4], ["Err(Forbidden)"; 4]);
    assert_eq!(told[4..7], ["Err(Invalid)"; 3]);
    assert_eq!(told[7..], ["Err(Forbidden)", "Err(Invalid)"]);
    assert_eq!(parts.headers, request().headers);
}

#[tokio::test]
async fn a_reply_stops_the_chain_and_meets_the_plugins_before_it() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &hostile(""),
        "[{ hostile: { on-response: edit } }, { hostile: { on-request: reply, on-response: trap } }, { hostile: { on-request: trap } }]",
    );
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let reply = head(&exchange, &mut request()).await.unwrap().unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["x-by"]),
        (418, &HeaderValue::from_static("hostile"))
    );
    let (mut parts, body) = reply.into_parts();
    let body = exchange
        .on_response(&mut parts, Full::new(body))
        .await
        .unwrap();
    assert_eq!(parts.status, 202, "edited by the first");
    assert_eq!(parts.headers["x-seen"], "request,response");
    assert_eq!(text(body).await, "a teapot");
}

#[tokio::test]
async fn a_response_can_be_replaced() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &hostile(""),
        "[{ hostile: { on-response: edit } }, { hostile: { on-response: reply } }]",
    );
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    head(&exchange, &mut request()).await.unwrap();
    let mut parts = response();
    let body = exchange
        .on_response(&mut parts, full("hello"))
        .await
        .unwrap();
    assert_eq!(parts.status, 202);
    assert!(!parts.headers.contains_key("x-up") && !parts.headers.contains_key("content-length"));
    assert_eq!(text(body).await, "a teapot");
}

#[tokio::test]
async fn who_waits_for_nothing_is_not_called_again() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[{ hostile: { on-request: again } }]");
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let failure = head(&exchange, &mut request()).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Failed(_)));
    assert_eq!(
        bed.metric("witgate_sandbox_calls_total{plugin=\"hostile\",phase=\"on-request\"}"),
        1
    );
}
