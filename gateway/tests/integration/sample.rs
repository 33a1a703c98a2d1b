//! What `cargo xtask run` starts, and every request that it invites to.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    components,
    documentation::root,
    gateway::{Gateway, Setup},
    samples::Samples,
    shell, tools,
};

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The configuration of the root folder in front of these services, on free ports.
async fn start(samples: &Samples) -> Gateway {
    let mut setup = Setup::new();
    for entry in fs::read_dir(root().join("routes.d")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = samples.found_in(&read(&format!("routes.d/{name}")));
        setup = setup.file(&format!("routes.d/{name}"), text);
    }
    let settings = samples.found_in(&read("witgate.yaml"));
    // Before them stand the listeners, whose addresses the test chooses.
    let (_, settings) = settings.split_once("\nplugins:").unwrap();
    let built = components::shipped("jwt-auth");
    let built = built.parent().unwrap().display().to_string();
    let settings = format!("plugins:{settings}").replace("target/components", &built);
    setup.settings(&settings).start().await
}

/// What each command of the invitation prints, in their order, among other things.
const PRINTED: [&str; 12] = [
    r#""item":"lamp""#,
    "HTTP/1.1 401",
    r#""asked-by":"alice""#,
    "Hello from witgate.",
    "The Moonstone",
    r#""price":"1100""#,
    "data: {",
    "crime",
    // A frame of 15 bytes that begins with the tag 1: `crime`, `poetry`.
    "AAAAAA8KBWNyaW1lCgZwb2V0cnk",
    "bookstore.v1.Bookstore",
    "read-order",
    "bookstore.v1.Bookstore.ListBooks",
];

#[tokio::test]
async fn every_request_of_the_invitation_is_answered() {
    let samples = Samples::start();
    let gateway = start(&samples).await;
    let invitation = samples
        .found_in(&read("xtask/src/run/invitation.txt"))
        .replace("127.0.0.1:8080", &gateway.address().to_string())
        .replace("127.0.0.1:9901", &gateway.admin.to_string());
    let commands: Vec<&str> = invitation
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    assert_eq!(commands.len(), PRINTED.len(), "{commands:#?}");
    for (command, expected) in commands.into_iter().zip(PRINTED) {
        // No package of Debian has it.
        if command.starts_with("grpcurl") {
            continue;
        }
        let output = shell::run(command, gateway.folder()).await;
        assert!(output.contains(expected), "$ {command}\n{output}");
    }
}

/// With nothing but what the service's own reflection tells, through the gateway.
#[tokio::test]
async fn a_grpc_client_finds_and_calls_the_bookstore() {
    let samples = Samples::start();
    let gateway = start(&samples).await;
    let known = tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET;
    fs::write(gateway.folder().join("known.pb"), known).unwrap();
    let python = tokio::task::spawn_blocking(tools::python_with_grpc);
    let command = format!(
        "{} {}/gateway/tests/integration/sample/client.py {} known.pb",
        python.await.unwrap().display(),
        root().display(),
        gateway.address()
    );
    let seen: Value = serde_json::from_str(&shell::run(&command, gateway.folder()).await).unwrap();
    let expected = json!({
        "services": [
            "bookstore.v1.Bookstore",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
        ],
        "get": "The Moonstone",
        "watch": ["sonnets"],
        "import": { "created": 2, "skipped": 1 },
        "quote": ["1980", "1800"],
        "missing": ["NOT_FOUND", true],
    });
    assert_eq!(seen, expected);
}

/// The descriptors from the service itself, and no file at all.
#[tokio::test]
async fn the_bookstore_is_rest_by_its_own_reflection() {
    let samples = Samples::start();
    let gateway = Setup::new()
        .settings(&format!(
            "plugins: {{ grpc-json-transcoder: {{ component: '{}', grants: [descriptors, metrics] }} }}\n\
             descriptors: {{ bookstore: {{ reflection: 'http://{}', services: [bookstore.v1.Bookstore] }} }}",
            components::shipped("grpc-json-transcoder").display(),
            samples.found_in("127.0.0.1:9003")
        ))
        .file(
            "routes.d/bookstore.yaml",
            samples.found_in(&read("routes.d/bookstore.yaml")),
        )
        .start()
        .await;
    let book = gateway.get("/v1/shelves/crime/books/moonstone").await;
    assert_eq!(book.json()["title"], "The Moonstone");
    let command = format!(
        "curl -s --json '[{{\"shelf\":\"crime\",\"id\":\"moonstone\",\"copies\":2}}]' http://{}/v1/books:quote",
        gateway.address()
    );
    let quotes = shell::run(&command, gateway.folder()).await;
    assert_eq!(quotes, r#"[{"title":"The Moonstone","price":"1980"}]"#);
}
