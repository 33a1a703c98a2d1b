//! What the gateway refuses to start with, and how it says so.

use crate::support::{gateway::Setup, tls::Authority};

async fn refused(setup: Setup, words: &[&str]) {
    let (status, text) = setup.refused().await;
    assert!(!status.success());
    for word in words {
        assert!(text.contains(word), "{word:?} is missing:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

const RESPOND: &str = "routes: [{ name: a, respond: {} }]";

#[tokio::test]
async fn a_port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let setup = Setup::new()
        .routes(RESPOND)
        .listeners(&format!("  - address: {address}"));
    refused(setup, &[&address, "in use"]).await;
    let setup = Setup::new()
        .routes(RESPOND)
        .settings(&format!("admin: {{ address: '{address}' }}"));
    refused(setup, &[&address, "in use"]).await;
}

#[tokio::test]
async fn a_key_that_does_not_belong_to_its_certificate() {
    let authority = Authority::new();
    let (one, other) = (
        authority.issue(&["a.example.com"]),
        authority.issue(&["a.example.com"]),
    );
    let setup = Setup::new()
        .routes(RESPOND)
        .file("a.pem", one.certificate)
        .file("a.key", other.key)
        .listeners("  - { address: '127.0.0.1:0', tls: { certificates: [{ certificate: a.pem, key: a.key }] } }");
    refused(setup, &["witgate.yaml:2:", "a.key"]).await;
}

#[tokio::test]
async fn certificates_that_are_not_there_or_not_certificates() {
    let listener = "  - { address: '127.0.0.1:0', tls: { certificates: [{ certificate: a.pem, key: a.key }] } }";
    refused(
        Setup::new().routes(RESPOND).listeners(listener),
        &["witgate.yaml:2:", "a.pem"],
    )
    .await;
    let setup = Setup::new()
        .routes(RESPOND)
        .file("a.pem", "hello")
        .file("a.key", "hello")
        .listeners(listener);
    refused(setup, &["witgate.yaml:2:", "a.pem"]).await;
}

#[tokio::test]
async fn a_bad_route_file() {
    let setup = Setup::new().routes("routes:\n  - name: a\n    responds: {}\n");
    refused(setup, &["routes.yaml:3:5", "responds", "respond"]).await;
}

#[tokio::test]
async fn unknown_settings() {
    refused(
        Setup::new().routes(RESPOND).settings("limit: {}"),
        &["witgate.yaml", "limit", "limits"],
    )
    .await;
}

#[tokio::test]
async fn no_configuration_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let output = crate::support::gateway::witgate(folder.path())
        .arg("run")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("witgate.yaml"));
}

/// All problems of all files at once, each with its place.
#[tokio::test]
async fn check_shows_every_problem() {
    let setup = Setup::new()
        .routes("routes:\n  - name: a\n    to: nowhere\n  - name: b\n    respond: { status: 99 }\n")
        .file("routes.d/other.yaml", "rotes: []\n");
    let output = setup.command(&["check"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{text}");
    for place in ["routes.yaml:3:9", "routes.yaml:5:", "other.yaml:1:1"] {
        assert!(text.contains(place), "{place} is missing:\n{text}");
    }
    assert!(text.contains('^'), "{text}");
}

#[tokio::test]
async fn check_accepts_what_run_accepts() {
    let output = Setup::new().routes(RESPOND).command(&["check"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn an_empty_folder_serves_nothing_and_says_so() {
    let gateway = Setup::new().start().await;
    gateway.get("/").await.is_problem(404, "no-route");
}
