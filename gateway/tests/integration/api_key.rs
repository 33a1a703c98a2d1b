//! A route protected by the api-key component.

use std::net::SocketAddr;

use http::Method;

use crate::support::{
    client::{self, Answer, empty, request},
    components, eventually,
    gateway::{Gateway, Setup},
    upstream,
};

fn line(key: &str, consumer: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    let digest = digest.as_ref().iter();
    let digest: String = digest.map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{{\"key\": \"sha256:{digest}\", \"consumer\": \"{consumer}\", \"tenant\": \"cave\"}}\n"
    )
}

async fn setup(settings: &str, config: &str) -> Setup {
    let up = upstream::echo().await;
    let component = components::shipped("api-key");
    Setup::new()
        .settings(&format!(
            "plugins:\n  api-key:\n    component: '{}'\n    grants: [clock, crypto, {{ files: [keys] }}, secrets]\n\
             files: {{ keys: keys.jsonl }}\n\
             identity: {{ headers: {{ consumer: x-consumer, tenant: x-tenant }} }}\n{settings}",
            component.display()
        ))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\n\
             routes:\n  - name: keyed\n    plugins: [api-key: {config}]\n    to: up"
        ))
}

async fn with_key(address: SocketAddr, key: &str) -> Answer {
    let sent = request(Method::GET, address, "/")
        .header("x-api-key", key)
        .header("x-consumer", "mallory")
        .body(empty())
        .unwrap();
    client::send(address, sent).await
}

async fn lets_in(gateway: &Gateway, key: &str) -> bool {
    let answer = with_key(gateway.address(), key).await;
    match answer.status().as_u16() {
        200 => true,
        401 => false,
        other => panic!("{other}: {}", answer.text()),
    }
}

/// Lets it in, at last without a call of the component.
async fn recognises(gateway: &Gateway, key: &str) {
    let ask = async || assert!(lets_in(gateway, key).await);
    gateway.until_reused(ask).await;
}

/// The policy's own answer.
fn is_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status(), status, "{}", answer.text());
    assert_eq!(answer.json()["code"], code);
}

#[tokio::test]
async fn the_upstream_learns_whose_key_it_is_and_nobody_can_say_otherwise() {
    let gateway = setup("", "{ file: keys }").await;
    let gateway = gateway
        .file("keys.jsonl", line("open-sesame", "ali"))
        .start()
        .await;
    let answer = with_key(gateway.address(), "open-sesame").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(upstream::seen(&answer.json(), "x-consumer"), ["ali"]);
    assert_eq!(upstream::seen(&answer.json(), "x-tenant"), ["cave"]);
    assert!(upstream::seen(&answer.json(), "x-api-key").is_empty());

    let answer = with_key(gateway.address(), "close-sesame").await;
    is_refused(&answer, 401, "key-unknown");
    assert_eq!(
        answer.header("www-authenticate"),
        Some("ApiKey realm=\"api\"")
    );
    let noted = |line: &serde_json::Value| line.to_string().contains("credentials-invalid");
    gateway.access.wait_for("the note", noted).await;
}

#[tokio::test]
async fn an_edit_of_the_file_is_live_without_a_restart() {
    let gateway = setup("", "{ file: keys }").await;
    let gateway = gateway.file("keys.jsonl", line("one", "a")).start().await;
    recognises(&gateway, "one").await;
    assert!(!lets_in(&gateway, "two").await);
    gateway.write("keys.jsonl", line("two", "b"));
    eventually("the other key", async || lets_in(&gateway, "two").await).await;
    assert!(!lets_in(&gateway, "one").await, "it is revoked");
}

#[tokio::test]
async fn a_bad_line_keeps_the_last_good_keys_and_is_named() {
    let gateway = setup("", "{ file: keys }").await;
    let gateway = gateway.file("keys.jsonl", line("one", "a")).start().await;
    for (bad, said) in [
        (line("two", "b") + "hunter2\n", "line 2 is no JSON object"),
        (
            line("two", "b") + &line("two", "c"),
            "lines 1 and 2 have the same key",
        ),
    ] {
        gateway.write("keys.jsonl", bad);
        eventually("the report", async || {
            gateway.admin("/files").await.text().contains(said)
        })
        .await;
        assert!(lets_in(&gateway, "one").await && !lets_in(&gateway, "two").await);
        let metrics = gateway.metrics().await;
        assert_eq!(metrics.sum("witgate_file_stale", &["file=\"keys\""]), 1.0);
    }
    assert!(
        gateway
            .log
            .text()
            .contains("the new content of the file `keys` breaks a route")
    );
    assert!(!gateway.log.text().contains("hunter2"));

    std::fs::remove_file(gateway.folder().join("keys.jsonl")).unwrap();
    eventually("the report", async || {
        gateway
            .admin("/files")
            .await
            .text()
            .contains("No such file")
    })
    .await;
    assert!(lets_in(&gateway, "one").await);
    gateway.write("keys.jsonl", line("two", "b"));
    eventually("the repair", async || lets_in(&gateway, "two").await).await;
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("witgate_file_stale", &[]), 0.0);
}

#[tokio::test]
async fn digests_under_a_secret_outlive_its_rotation() {
    // printf %s open-sesame | openssl dgst -sha256 -hmac old-old-old-old-old
    let hmac = "dc806825bfdbbe513457c1bf4278731feda7414989ab90620e1fc249816e3cc9";
    let keys = format!("{{\"key\": \"hmac-sha256:{hmac}\", \"consumer\": \"ali\"}}");
    let settings = "secrets: { pepper: [{ file: new.key }, { file: old.key }] }";
    let gateway = setup(settings, "{ file: keys, secret: pepper }").await;
    let gateway = gateway
        .file("keys.jsonl", keys)
        .file("new.key", "new-new-new-new-new\n")
        .file("old.key", "old-old-old-old-old\n")
        .start()
        .await;
    recognises(&gateway, "open-sesame").await;
    gateway.write("old.key", "other-other-other\n");
    eventually("the key to be nobody's", async || {
        !lets_in(&gateway, "open-sesame").await
    })
    .await;
    // What cannot be a key is refused; what was there before serves.
    gateway.write("new.key", "short");
    gateway.write("old.key", "old-old-old-old-old");
    eventually("the report", async || {
        gateway
            .admin("/secrets")
            .await
            .text()
            .contains("has 5 bytes, too few for a key")
    })
    .await;
    gateway.write("new.key", "new-new-new-new-new-new");
    eventually("the key again", async || {
        lets_in(&gateway, "open-sesame").await
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_keys_are_live_and_a_huge_one_is_cheap() {
    let lines: String = (0..10_000)
        .map(|n| line(&format!("key-{n}"), &format!("c{n}")))
        .collect();
    let gateway = setup("", "{ file: keys }").await;
    let mut gateway = gateway.file("keys.jsonl", lines).start().await;
    for n in [0, 1, 4_999, 9_999] {
        let answer = with_key(gateway.address(), &format!("key-{n}")).await;
        assert_eq!(
            upstream::seen(&answer.json(), "x-consumer"),
            [format!("c{n}")]
        );
    }
    let answer = with_key(gateway.address(), &"x".repeat(20_000)).await;
    is_refused(&answer, 401, "key-too-long");
    // Beyond the limit for heads it does not come so far: the gateway answers, or closes while it is still sent.
    let sent = request(Method::GET, gateway.address(), "/")
        .header("x-api-key", "x".repeat(1 << 20))
        .body(empty())
        .unwrap();
    let mut connection = client::h1(gateway.address()).await;
    if let Ok(answer) = connection.send_request(sent).await {
        assert_eq!(answer.status(), 431);
    }
    assert!(gateway.running() && lets_in(&gateway, "key-7").await);
}

#[tokio::test]
async fn what_is_wrong_at_start_is_told_at_its_place() {
    let refused = async |setup: Setup| {
        let (status, log) = setup.refused().await;
        assert!(!status.success());
        log
    };
    let log = refused(setup("", "{ file: keys }").await).await;
    assert!(
        log.contains("cannot take the file `keys` from") && log.contains("witgate.yaml:"),
        "{log}"
    );

    let bad = setup("", "{ file: keys }")
        .await
        .file("keys.jsonl", "hunter2");
    let log = refused(bad).await;
    assert!(
        log.contains("in the file `keys`: line 1 is no JSON object"),
        "{log}"
    );
    assert!(
        log.contains("routes.yaml:4:") && !log.contains("hunter2"),
        "{log}"
    );

    let settings = "secrets: { pepper: { env: WITGATE_TEST_NOT_SET } }";
    let missing = setup(settings, "{ file: keys, secret: pepper }").await;
    let log = refused(missing.file("keys.jsonl", "")).await;
    assert!(
        log.contains("from $WITGATE_TEST_NOT_SET: the variable is not set"),
        "{log}"
    );

    let other = setup("", "{ file: others }").await.file("keys.jsonl", "");
    let log = refused(other).await;
    assert!(
        log.contains("write `files: [keys, others]` among its `grants`"),
        "{log}"
    );
}
