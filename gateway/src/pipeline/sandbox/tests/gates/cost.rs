//! What gates spare: calls of the plugin.

use super::*;

#[tokio::test]
async fn an_open_gate_costs_no_call() {
    let bed = Bed::new();
    let chain = bound(&bed, "[{ fuse: {} }]").unwrap();
    let sandbox = Sandbox::new(&bed.host);
    exchange(&sandbox, &chain, 200).await.unwrap();
    for _ in 0..3 {
        exchange(&sandbox, &chain, 502).await.unwrap();
    }
    assert_eq!(bed.metric(ENDS), 4);
    for _ in 0..100 {
        let after = exchange(&sandbox, &chain, 200).await.unwrap_err();
        assert!((50_000..=60_000).contains(&after), "{after}");
    }
    assert_eq!(bed.metric(ENDS), 4, "what is refused is no outcome");
    let labels = "plugin=\"fuse\",gate=\"fuse\",scope=\"route\"";
    assert_eq!(
        bed.metric(&format!("witgate_gate_state{{{labels},cell=\"route=r\"}}")),
        1
    );
    assert_eq!(
        bed.metric(&format!("witgate_gate_refused_total{{{labels}}}")),
        100
    );
    let moved =
        format!("witgate_gate_transitions_total{{{labels},to=\"open\",reason=\"failures\"}}");
    assert_eq!(bed.metric(&moved), 1);
    assert_eq!(
        &*gate(&bed).cells()[0].view(now()).why.text,
        "3 of 4 failed"
    );
}

#[tokio::test]
async fn a_closed_gate_that_remembers_nothing_bad_costs_no_call() {
    let bed = Bed::new();
    let chain = bound(
        &bed,
        "[{ fuse: { quiet: 499, limit: 2, window: 1000, during: 1 } }]",
    )
    .unwrap();
    let sandbox = Sandbox::new(&bed.host);
    let calls = || bed.find_metric(ENDS).unwrap_or_default();
    for _ in 0..100 {
        exchange(&sandbox, &chain, 200).await.unwrap();
    }
    assert_eq!(calls(), 0);
    let counted = || gate(&bed).cells()[0].view(now());
    let (totals, row) = (counted().windows[0].1, counted().row);
    assert_eq!((totals.failures, row.successes), (0, 100));
    // The first failure is told, and then everything, until it has left the window.
    for (status, told) in [(500, 1), (200, 2), (404, 3)] {
        exchange(&sandbox, &chain, status).await.unwrap();
        assert_eq!(calls(), told);
    }
    let mut before = calls();
    let quiet_again = async {
        loop {
            exchange(&sandbox, &chain, 200).await.unwrap();
            if calls() == before {
                break;
            }
            before = calls();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), quiet_again)
        .await
        .expect("it forgets");
    // One that opens, and is closed by a probe, which is told, too.
    for _ in 0..2 {
        exchange(&sandbox, &chain, 500).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(2)).await;
    exchange(&sandbox, &chain, 200).await.unwrap();
    assert_eq!(calls(), before + 3);
    assert_eq!(state(&bed, "route=r"), State::Closed);
    exchange(&sandbox, &chain, 200).await.unwrap();
    assert_eq!(calls(), before + 3, "a cell that is moved begins anew");
    assert_eq!(counted().windows[0].1.calls, 1);
}

#[tokio::test]
async fn only_whole_answers_without_a_note_are_quiet() {
    let bed = Bed::new();
    let chain = "[{ fuse: { quiet: 499 } }, { badge: { believe: true } }]";
    let chain = bound(&bed, chain).unwrap();
    let sandbox = Sandbox::new(&bed.host);
    let end = async |summary: Summary, note: Option<&'static str>| {
        let exchange = sandbox.begin(&chain, &facts());
        exchange.on_request(&mut request(), full("")).await.unwrap();
        if let Some(note) = note {
            exchange.note(note);
        }
        exchange.end(summary, |_| ());
        bed.find_metric(ENDS).unwrap_or_default()
    };
    let whole = || ended(Ending::Complete);
    assert_eq!(end(whole(), None).await, 0);
    let mut told = 0;
    for ending in [
        Ending::AnsweredHere,
        Ending::ClientGone,
        Ending::Timeout,
        Ending::UpstreamFailed,
    ] {
        told += 1;
        assert_eq!(end(ended(ending), None).await, told, "{ending:?}");
    }
    assert_eq!(end(whole(), Some("token-invalid")).await, told + 1);
    let grpc = Summary {
        grpc_status: Some(0),
        ..whole()
    };
    assert_eq!(end(grpc, None).await, told + 2, "no gRPC status is quiet");
    assert_eq!(end(whole(), None).await, told + 2);
}

#[tokio::test]
async fn a_try_that_failed_before_a_success_is_told() {
    let bed = Bed::new();
    let chain = "[{ fuse: { quiet: 499, scope: [upstream, endpoint] } }]";
    let chain = bound(&bed, chain).unwrap();
    let sandbox = Sandbox::new(&bed.host);
    let come = async |endpoints: &[usize]| {
        let exchange = sandbox.begin(&chain, &facts());
        pass(&exchange).await.unwrap();
        let gates = exchange.endpoint_gates().unwrap();
        for (number, endpoint) in endpoints.iter().enumerate() {
            if number > 0 {
                gates.failed(FailedTry::Reset);
            }
            assert!(gates.admit(*endpoint));
        }
        end(&exchange, 200);
        bed.find_metric(ENDS).unwrap_or_default()
    };
    assert_eq!(come(&[1]).await, 0);
    assert_eq!(come(&[0, 1]).await, 1);
    assert_eq!(come(&[1]).await, 1, "the other one has not failed");
    assert_eq!(come(&[0]).await, 2);
    let totals = |cell: &str| gate(&bed).find(cell).unwrap().view(now()).windows[0].1;
    let first = totals("upstream=up/endpoint=http:%2F%2Fa");
    assert_eq!((first.calls, first.failures), (2, 1000));
    let second = totals("upstream=up/endpoint=http:%2F%2Fb");
    assert_eq!((second.calls, second.failures), (3, 0));
}
