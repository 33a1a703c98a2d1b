//! A .proto file that changes while the gateway runs.

use http::Method;
use serde_json::json;

use super::{Probe, Stream, proto, release, send, setup};
use crate::support::{eventually, load::Load};

/// `probe.proto` with another way to call Echo in each version, and the one that the load uses.
fn version(number: u32) -> String {
    let rule = r#"get: "/v1/echo/{item.id}""#;
    let more = format!(
        "{rule}\n      additional_bindings {{ get: \"/v1/version-{number}/{{item.id}}\" }}\n      \
         additional_bindings {{ get: \"/anything\" }}"
    );
    let text = proto();
    assert!(text.contains(rule));
    text.replacen(rule, &more, 1)
}

#[tokio::test]
async fn no_request_is_lost_while_a_proto_changes() {
    let probe = Probe::start().await;
    let routes = super::routes(probe.address, "").replace("prefix: /v1", "prefix: /");
    let gateway = setup(probe.address, "")
        .file("probe.proto", version(0))
        .routes(&routes)
        .start()
        .await;
    release(&gateway, "stepped-old", 1).await;
    let mut old = Stream::open(
        &gateway,
        "/v1/count/2?key=stepped-old",
        "application/x-ndjson",
    )
    .await;
    old.until("\n").await;
    let load = Load::start(gateway.address(), |answer| {
        assert_eq!(answer.json()["request"], json!({}), "{}", answer.text());
    })
    .await;
    for number in 1..6 {
        gateway.write("probe.proto", version(number));
        eventually("the new version", || async {
            gateway
                .get(&format!("/v1/version-{number}/x"))
                .await
                .status()
                == 200
        })
        .await;
        let before = gateway.get(&format!("/v1/version-{}/x", number - 1)).await;
        assert_eq!(before.status(), 404);
        let seen = load.count();
        eventually("requests through it", || async { load.count() > seen + 20 }).await;
    }
    load.stop().await;
    // A stream that began five versions ago ends with the one that it began with.
    release(&gateway, "stepped-old", 1).await;
    assert_eq!(old.rest().await, "{\"value\":\"2\"}\n");
}

#[tokio::test]
async fn a_broken_proto_changes_nothing() {
    let probe = Probe::start().await;
    let gateway = setup(probe.address, "").start().await;
    gateway.write(
        "probe.proto",
        proto().replace("string display_name = 2;", "string display_name = ;"),
    );
    let problem = gateway.log.wait_for("the broken file", |line| {
        line["level"] != "INFO" && line.to_string().contains("probe.proto")
    });
    problem.await;
    let answer = send(
        &gateway,
        Method::POST,
        "/v1/echo",
        json!({ "item": { "displayName": "x" } }),
    )
    .await;
    assert_eq!(answer.json()["request"]["item"]["displayName"], "x");
    // A rule that is none is found by the component.
    gateway.write("probe.proto", proto().replace("/v1/sum", "/v1/{sum"));
    let problem = gateway.log.wait_for("the broken rule", |line| {
        line.to_string().contains("/v1/{sum")
    });
    problem.await;
    let answer = send(&gateway, Method::POST, "/v1/sum", json!([{ "value": 1 }])).await;
    assert_eq!(answer.json()["count"], 1);
    gateway.write("probe.proto", proto().replace("/v1/sum", "/v1/total"));
    eventually("the repaired file", || async {
        let answer = send(&gateway, Method::POST, "/v1/total", json!([{ "value": 1 }])).await;
        answer.status() == 200
    })
    .await;
}
