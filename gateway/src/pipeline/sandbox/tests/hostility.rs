//! Misbehaviour costs one exchange, and is told apart.

use super::*;

/// Runs one misbehaving exchange between two good ones on the same worker.
async fn misbehave(deed: &str) -> Failure {
    let bed = Bed::new();
    let plugins = hostile_within("memory: 4MiB, handles: 100, time: 100ms", "");
    let bad = bed.compiled(
        &plugins,
        &format!("[{{ hostile: {{ on-request: {deed} }} }}]"),
    );
    let plugin = Arc::clone(bad.plugins().next().unwrap());
    let judgement = plugin.settings_for("{}", &bed.catalog).unwrap();
    let plugin::Judgement::Accepted(settings) = judgement else {
        panic!("a right configuration")
    };
    let links = chain::Links {
        route: "r".into(),
        phases: plugin.phases(),
        links: Box::new([chain::Link {
            plugin,
            settings,
            doors: Box::default(),
        }]),
        has_endpoint_doors: false,
        waiting: None,
    };
    let good = Chain(Some(Arc::new(links)));
    let sandbox = Sandbox::new(&bed.host);
    // This one has begun on the instance that is brought down.
    let earlier = sandbox.begin(&good, &facts());
    assert!(head(&earlier, &mut request()).await.unwrap().is_none());
    let failure = head(&sandbox.begin(&bad, &facts()), &mut request())
        .await
        .unwrap_err();
    assert_eq!(failure.phase, Phase::Request);
    let kind = failure.kind.label();
    let labels = format!("plugin=\"hostile\",phase=\"on-request\",kind=\"{kind}\"");
    let sample = format!("witgate_sandbox_failures_total{{{labels}}}");
    assert_eq!(bed.metric(&sample), 1);
    let mut parts = response();
    earlier
        .on_response(&mut parts, full("hello"))
        .await
        .unwrap();
    earlier.end(ended(Ending::Complete), |_| ());
    let later = sandbox.begin(&good, &facts());
    assert!(head(&later, &mut request()).await.unwrap().is_none());
    assert_eq!(bed.metric(&sample), 1, "nobody else was harmed");
    failure
}

#[tokio::test]
async fn a_trap() {
    assert!(matches!(misbehave("trap").await.kind, FailureKind::Trap(_)));
}

#[tokio::test]
async fn an_endless_loop() {
    let FailureKind::Timeout(text) = misbehave("loop").await.kind else {
        panic!("a timeout")
    };
    assert!(text.contains("on_request"), "{text}");
}

#[tokio::test]
async fn a_memory_bomb() {
    let FailureKind::Memory(text) = misbehave("memory").await.kind else {
        panic!("a lack of memory")
    };
    assert!(text.contains("on_request"), "{text}");
}

#[tokio::test]
async fn deep_recursion() {
    let trap = async |deed| match misbehave(deed).await.kind {
        FailureKind::Trap(text) => text,
        kind => panic!("{kind}"),
    };
    let text = trap("recursion").await;
    assert!(text.contains("call stack exhausted"), "{text}");
    // What a function keeps lies on a second stack, in the guest's own memory.
    let text = trap("large-frames").await;
    assert!(text.contains("out of bounds memory access"), "{text}");
}

#[tokio::test]
async fn a_handle_leak() {
    assert!(matches!(
        misbehave("handles").await.kind,
        FailureKind::Trap(_)
    ));
}

#[tokio::test]
async fn a_huge_host_call() {
    assert!(matches!(
        misbehave("huge-host-call").await.kind,
        FailureKind::Trap(_)
    ));
}

#[tokio::test]
async fn a_huge_reply() {
    assert!(matches!(
        misbehave("huge-reply").await.kind,
        FailureKind::Trap(_)
    ));
}

#[tokio::test]
async fn a_failure_and_a_reply_that_cannot_be_sent() {
    let FailureKind::Failed(message) = misbehave("fail").await.kind else {
        panic!("a failure")
    };
    assert_eq!(&*message, "as I was told");
    assert!(matches!(
        misbehave("bad-reply").await.kind,
        FailureKind::Invalid(_)
    ));
}

#[tokio::test]
async fn an_open_door_must_be_written() {
    let bed = Bed::new();
    let plugins = hostile(", on-failure: open");
    let chain = bed.compiled(
        &plugins,
        "[{ hostile: { on-request: trap, on-response: reply } }, { hostile: { on-request: edit } }]",
    );
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let mut parts = request();
    assert!(head(&exchange, &mut parts).await.unwrap().is_none());
    assert_eq!(parts.headers["x-set"], "new", "the chain goes on");
    let mut parts = response();
    exchange
        .on_response(&mut parts, full("hello"))
        .await
        .unwrap();
    assert_eq!(parts.status, 200, "what failed is left out");
}
