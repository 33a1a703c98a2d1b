//! What clients get while a circuit is open, and what is said of one before.

use super::*;

#[tokio::test]
async fn a_fixed_response() {
    let up = Upstream::start().await;
    let respond =
        "status: 200, body: '[]', headers: { content-type: application/json, x-stale: 'yes' }";
    let settings = format!("failures: 1, fallback: {{ respond: {{ {respond} }} }}");
    let gateway = guarded(up.address, &settings).await;
    status(&gateway, "/500", &[]).await;
    let answer = gateway.get("/200").await;
    assert_eq!(
        (answer.status().as_u16(), answer.text().as_str()),
        (200, "[]")
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-stale"), Some("yes"));
    assert_eq!(up.asked(), 1);
}

#[tokio::test]
async fn another_upstream() {
    let (up, standby) = (Upstream::start().await, Upstream::start().await);
    let yaml = format!(
        "upstreams: {{ up: 'http://{}', standby: 'http://{}' }}\n\
         routes:\n  - name: all\n    plugins:\n      \
         - circuit-breaker: {{ failures: 1, open: 100ms, fallback: {{ to: standby }} }}\n    to: up",
        up.address, standby.address
    );
    let gateway = setup().routes(&yaml).start().await;
    status(&gateway, "/500", &[]).await;
    eventually("the standby's answers", || async {
        // What it answers says nothing of the circuit.
        status(&gateway, "/503", &[]).await == 503 && standby.asked() > 2
    })
    .await;
    let asked = up.asked();
    eventually("the upstream's answers", || async {
        status(&gateway, "/200", &[]).await == 200 && up.asked() > asked + 2
    })
    .await;
}

#[tokio::test]
async fn another_upstream_that_is_not_there_is_refused_in_its_place() {
    let up = Upstream::start().await;
    let yaml = route(up.address, "fallback: { to: nowhere }");
    let output = setup().routes(&yaml).command(&["check"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && told.contains("nowhere"),
        "{told}"
    );
    assert!(told.contains("routes.yaml:4:"), "{told}");
}

#[tokio::test]
async fn zeros_are_refused_all_at_once() {
    let up = Upstream::start().await;
    let yaml = route(
        up.address,
        "failures: 0, open: 0s, half-open: { probes: 0 }",
    );
    let output = setup().routes(&yaml).command(&["check"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{told}");
    for message in [
        "write 1 to 1000000",
        "write `10ms` to `24h`",
        "write 1 to 1000",
    ] {
        assert!(told.contains(message), "{told}");
    }
}

#[tokio::test]
async fn what_is_probably_not_meant_is_told() {
    let up = Upstream::start().await;
    let yaml = route(up.address, "weights: { token-invalid: 1, 404: 1 }");
    let output = setup().routes(&yaml).command(&["check"]);
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(
        output.status.success() && told.contains("any client can bring"),
        "{told}"
    );
}

#[tokio::test]
async fn explain_says_what_it_does() {
    let up = Upstream::start().await;
    let setup = setup().routes(&route(up.address, "failures: 5, open: 30s"));
    let output = setup.command(&["explain", "GET", "http://x/"]);
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("after failures in a row: 5"), "{told}");
}
