//! What stands under `secrets` is used and shows nowhere. Every secret here has the word `hush` in it.

use crate::support::{components, eventually, gateway::Setup, upstream};

async fn setup(secrets: &str) -> Setup {
    let up = upstream::echo().await;
    Setup::new()
        .settings(&format!(
            "logging: {{ format: json, level: debug }}\n\
             plugins:\n  api-key:\n    component: '{}'\n    grants: [clock, crypto, files, {{ secrets: [pepper] }}]\n\
             files: {{ keys: keys.jsonl }}\n{secrets}",
            components::shipped("api-key").display()
        ))
        .file("keys.jsonl", "{\"key\": \"hmac-sha256:00\", \"consumer\": \"x\"}\n".replace("00", &"00".repeat(32)))
        .file("pepper.key", "hush-hush-hush-hush\n")
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\n\
             routes:\n  - {{ name: keyed, plugins: [api-key: {{ file: keys, secret: pepper }}], to: up }}"
        ))
}

#[tokio::test]
async fn no_page_and_no_line_shows_a_secret() {
    let secrets = "secrets:\n  pepper: [{ file: pepper.key }, { env: WITGATE_TEST_HUSH }]\n  other: { file: other.key }";
    let setup = setup(secrets).await.file("other.key", "hush");
    let gateway = setup.environment("WITGATE_TEST_HUSH", "hush").start().await;
    assert_eq!(gateway.get("/").await.status(), 401);
    gateway.write("pepper.key", "hush");
    eventually("the report", async || {
        gateway
            .admin("/secrets")
            .await
            .text()
            .contains("too few for a key")
    })
    .await;
    gateway.write("pepper.key", "");
    eventually("the report", async || {
        gateway
            .admin("/secrets")
            .await
            .text()
            .contains("it is empty")
    })
    .await;
    for page in [
        "/config",
        "/plugins",
        "/routes",
        "/secrets",
        "/files",
        "/metrics",
        "/explain?method=GET&url=http://a/",
    ] {
        let answer = gateway.admin(page).await;
        assert_eq!(answer.status(), 200, "{page}");
        let shown = answer.text().replace("WITGATE_TEST_HUSH", "");
        assert!(!shown.to_lowercase().contains("hush"), "{page}:\n{shown}");
    }
    let metrics = gateway.metrics().await;
    assert_eq!(
        metrics.sum("witgate_secret_versions", &["secret=\"pepper\""]),
        2.0
    );
    assert_eq!(
        metrics.sum("witgate_secret_stale", &["secret=\"pepper\""]),
        1.0
    );
    assert!(metrics.sum("witgate_secret_read_failures_total", &["secret=\"pepper\""]) >= 2.0);
    for told in [gateway.log.text(), gateway.access.text()] {
        assert!(!told.contains("hush"), "{told}");
    }
}

#[tokio::test]
async fn a_secret_in_the_configuration_itself_is_refused_and_not_shown() {
    for wrong in [
        "secrets:\n  pepper: hush-hush-hush-hush",
        "secrets:\n  pepper:\n    - { file: pepper.key }\n    - hush-hush-hush-hush",
        "secrets:\n  pepper: { file: pepper.key, value: hush-hush-hush-hush }",
        "secrets:\n  pepper:\n    value: hush-hush-hush-hush",
    ] {
        let (status, log) = setup(wrong).await.refused().await;
        assert!(!status.success());
        assert!(!log.contains("hush"), "{log}");
        let says = log.contains("name where it stands") || log.contains("unknown key `value`");
        assert!(says, "{log}");
    }
}

#[tokio::test]
async fn a_secret_that_was_not_granted_stays_closed() {
    let secrets = "secrets: { pepper: { file: pepper.key }, other: { file: pepper.key } }";
    let setup = setup(secrets).await;
    let routes = std::fs::read_to_string(setup.path().join("routes.d/routes.yaml")).unwrap();
    let setup = setup.routes(&routes.replace("secret: pepper", "secret: other"));
    let (status, log) = setup.refused().await;
    assert!(!status.success());
    assert!(
        log.contains("write `secrets: [pepper, other]` among its `grants`"),
        "{log}"
    );

    let setup = self::setup("secrets: { peper: { file: pepper.key } }").await;
    let (_, log) = setup.refused().await;
    assert!(
        log.contains("nothing is called `pepper` under `secrets`"),
        "{log}"
    );
    assert!(log.contains("did you mean `peper`?"), "{log}");
}
