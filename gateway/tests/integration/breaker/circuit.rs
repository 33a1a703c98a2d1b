//! A circuit opens, tries, and closes.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn an_upstream_that_fails_is_left_alone() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "").await;
    for _ in 0..3 {
        assert_eq!(status(&gateway, "/500", &[]).await, 500);
    }
    for _ in 0..5 {
        let answer = gateway.get("/200").await;
        is_open(&answer);
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
    }
    assert_eq!(up.asked(), 3);
    assert_eq!(moves(&gateway, "open", "failures").await, 1.0);
    let refused = gateway
        .metrics()
        .await
        .sum("witgate_gate_refused_total", &[]);
    assert_eq!(refused, 5.0);
    gateway
        .access
        .wait_for("the refusal", |line| line["code"] == "circuit-open")
        .await;
}

#[tokio::test]
async fn failures_that_are_not_in_a_row_do_not_open() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 2").await;
    for path in ["/500", "/200", "/503", "/404", "/502", "/200"].repeat(3) {
        status(&gateway, path, &[]).await;
    }
    assert_eq!(up.asked(), 18);
}

#[tokio::test]
async fn one_probe_finds_out() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 1, open: 200ms").await;
    status(&gateway, "/500", &[]).await;
    // The first that gets through hangs: it is the probe.
    let mut probe = client::h1(gateway.address()).await;
    soon("a probe", async {
        loop {
            let sent = request(Method::GET, gateway.address(), "/hang").body(empty());
            let mut answer = Box::pin(probe.send_request(sent.unwrap()));
            tokio::select! {
                answer = &mut answer => {
                    let answer = Answer::of(answer.unwrap()).await;
                    is_open(&answer);
                    probe = client::h1(gateway.address()).await;
                }
                () = up.is_asked(2) => {
                    for _ in 0..3 {
                        is_open(&gateway.get("/200").await);
                    }
                    up.gate.add_permits(1);
                    assert_eq!(answer.await.unwrap().status(), 200);
                    break;
                }
            }
        }
    })
    .await;
    assert_eq!(up.asked(), 2);
    passes(&gateway, "/200", 200).await;
    assert_eq!(moves(&gateway, "closed", "probe-succeeded").await, 1.0);
}

#[tokio::test]
async fn a_probe_that_fails_opens_for_longer() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 1, open: 50ms, max-open: 1h").await;
    status(&gateway, "/500", &[]).await;
    // 100, 200, 400 ms …
    for failed in 1..4 {
        passes(&gateway, "/500", 500).await;
        assert_eq!(
            moves(&gateway, "open", "probe-failed").await,
            f64::from(failed)
        );
    }
    let began = Instant::now();
    passes(&gateway, "/200", 200).await;
    // The last of them was 400 ms ago at least; what the requests before took is not known.
    assert!(
        began.elapsed() > Duration::from_millis(200),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_probe_whose_client_goes_away_makes_room() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 1, open: 2s").await;
    status(&gateway, "/500", &[]).await;
    let mut clients = Vec::new();
    while up.asked() < 2 {
        let mut client = client::h1(gateway.address()).await;
        let sent = request(Method::GET, gateway.address(), "/hang").body(empty());
        let answer = client.send_request(sent.unwrap());
        clients.push((client, tokio::spawn(answer)));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is_open(&gateway.get("/200").await);
    let left = Instant::now();
    for (_, answer) in &clients {
        answer.abort();
    }
    clients.clear();
    passes(&gateway, "/200", 200).await;
    // Without that it would be waited for as long as the circuit was open.
    assert!(
        left.elapsed() < Duration::from_secs(2),
        "{:?}",
        left.elapsed()
    );
}

#[tokio::test]
async fn the_state_survives_a_reload() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 2").await;
    status(&gateway, "/500", &[]).await;
    // The route is compiled anew, with another judgement, in the middle of a row.
    let wider = route(up.address, "failures: 2, ratio: 90%, open: 10m");
    gateway.write("routes.d/routes.yaml", &wider);
    gateway.log.message("reloaded").await;
    status(&gateway, "/500", &[]).await;
    let answer = gateway.get("/200").await;
    is_open(&answer);
    gateway.write("routes.d/routes.yaml", route(up.address, "failures: 9"));
    eventually("the second reload", || async {
        let reloads = gateway.log.all().into_iter();
        reloads.filter(|line| line["message"] == "reloaded").count() == 2
    })
    .await;
    is_open(&gateway.get("/200").await);
}

#[tokio::test]
async fn after_closing_a_growing_share_passes() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 1, open: 100ms, ramp-up: 1h").await;
    status(&gateway, "/500", &[]).await;
    passes(&gateway, "/200", 200).await;
    let before = up.asked();
    for _ in 0..200 {
        status(&gateway, "/200", &[]).await;
    }
    let passed = up.asked() - before;
    assert!((5..50).contains(&passed), "{passed} of 200 passed");
    assert_eq!(moves(&gateway, "ramp", "probe-succeeded").await, 1.0);
}
