//! Gates that are defined or used in ways that cannot be.

use super::*;

#[tokio::test]
async fn what_is_no_gate_is_refused() {
    let bed = Bed::new();
    for (settings, message) in [
        ("name: A", "`A` is no name for a gate"),
        ("scope: []", "at least one part"),
        ("scope: [rout]", "`rout` is no part of a scope"),
        ("window: 1", "a window spans 100 ms"),
        ("reply: 100", "the status 100"),
        ("more: 16", "at most 16 gates"),
        ("quiet: 99", "100 to 99 is no range of statuses"),
        ("quiet: 1000", "100 to 1000 is no range of statuses"),
    ] {
        let problems = bound(&bed, &format!("[{{ fuse: {{ {settings} }} }}]")).unwrap_err();
        assert!(problems[0].message.contains(message), "{problems:?}");
    }
    let chain = "[{ fuse: { scope: [endpoint] } }]";
    let problems = bind(&bed, &fuse(), chain, false).unwrap_err();
    assert!(
        problems[0].message.contains("this route has no upstream"),
        "{problems:?}"
    );
    let unknown = bound(&bed, "[{ fuse: { upstream: nowhere } }]").unwrap_err();
    assert!(unknown.is_empty(), "the route tells");
}

#[tokio::test]
async fn what_is_too_late_or_out_of_range_harms_nobody() {
    let bed = Bed::new();
    let sandbox = Sandbox::new(&bed.host);
    let chain = bound(&bed, "[{ fuse: { late: true } }]").unwrap();
    exchange(&sandbox, &chain, 200).await.unwrap();
    let traps = "witgate_sandbox_failures_total{plugin=\"fuse\",phase=\"on-end\",kind=\"trap\"}";
    assert_eq!(bed.metric(traps), 0);
    let chain = bound(&bed, "[{ fuse: { bad-position: true } }]").unwrap();
    exchange(&sandbox, &chain, 200).await.unwrap();
    assert_eq!(bed.metric(traps), 1);
    assert_eq!(state(&bed, "route=r"), State::Closed);
}
