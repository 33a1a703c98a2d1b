//! Descriptors: a change is live without a lost request, and one that a route cannot use is not.

mod server;

use http::Method;
use serde_json::Value;

use crate::support::{
    client::{self, Answer, empty, request},
    components, eventually,
    gateway::{Gateway, Setup},
    load::Load,
    tls::Authority,
};
use server::Server;

const BOOKS: &str = r#"syntax = "proto3";
package books;
import "google/api/annotations.proto";
service Books {
  rpc Get(Book) returns (Book) {
    option (google.api.http) = { get: "/v1/{name}" };
  }
}
message Book { string name = 1; }
"#;

/// The same with one more message.
fn with(message: &str) -> String {
    format!("{BOOKS}message {message} {{}}\n")
}

fn plugin() -> String {
    format!(
        "plugins: {{ schemas: {{ component: '{}', grants: [descriptors] }} }}",
        components::fixture("schemas").display()
    )
}

/// A route whose plugin opens the descriptors `books`, with more of its configuration.
fn setup(descriptors: &str, more: &str) -> Setup {
    let plugins = format!("[schemas: {{ descriptors: books{more} }}]");
    Setup::new()
        .settings(&plugin())
        .settings(&format!("descriptors: {{ books: {descriptors} }}"))
        .routes(&format!(
            "routes:\n  - {{ name: books, respond: {{}}, plugins: {plugins} }}\n  \
             - {{ name: other, match: {{ path: /other }}, respond: {{}} }}\n"
        ))
}

/// What a request meets, if it is served.
async fn live(gateway: &Gateway) -> Option<String> {
    let answer = gateway.get("/").await;
    answer.header("x-digest").map(String::from)
}

/// Waits until requests meet other descriptors than these.
async fn other_than(gateway: &Gateway, digest: &str) -> String {
    eventually("other descriptors", || async {
        live(gateway).await.is_some_and(|live| live != digest)
    })
    .await;
    live(gateway).await.unwrap()
}

async fn status(gateway: &Gateway) -> Value {
    gateway.admin("/descriptors").await.json()[0].take()
}

async fn reload(gateway: &Gateway) -> Answer {
    let asked = request(Method::POST, gateway.admin, "/reload");
    client::send(gateway.admin, asked.body(empty()).unwrap()).await
}

#[tokio::test]
async fn a_changed_file_is_live_and_no_request_is_lost() {
    let gateway = setup("books.proto", "")
        .file("books.proto", BOOKS)
        .start()
        .await;
    let mut digest = live(&gateway).await.unwrap();
    let load = Load::start(gateway.address(), |answer| {
        assert!(answer.header("x-digest").is_some());
    })
    .await;
    for name in ["One", "Two", "Three", "Four", "Five"] {
        gateway.write("books.proto", with(name));
        digest = other_than(&gateway, &digest).await;
        let seen = load.count();
        eventually("requests through it", || async { load.count() > seen + 20 }).await;
    }
    load.stop().await;
    let status = status(&gateway).await;
    assert_eq!(
        (&status["digest"], &status["stale"]),
        (&digest.into(), &false.into())
    );
    let failures = gateway
        .metrics()
        .await
        .sum("witgate_sandbox_failures_total", &[]);
    assert_eq!(failures, 0.0);
}

/// What it imports is watched, too, and so is the place where a file would be found first.
#[tokio::test]
async fn a_changed_import_is_live() {
    let gateway = setup("{ proto: api/books.proto, include: [api, shared] }", "")
        .file(
            "api/books.proto",
            BOOKS
                .replace("message Book { string name = 1; }", "")
                .replace("service", "import \"book.proto\";\nservice"),
        )
        .file(
            "shared/book.proto",
            "syntax = \"proto3\";\npackage books;\nmessage Book { string name = 1; }\n",
        )
        .start()
        .await;
    let digest = live(&gateway).await.unwrap();
    let longer = "syntax = \"proto3\";\npackage books;\nmessage Book { string name = 1; int32 pages = 2; }\n";
    gateway.write("shared/book.proto", longer);
    let digest = other_than(&gateway, &digest).await;
    gateway.write("api/book.proto", longer.replace("pages", "sheets"));
    other_than(&gateway, &digest).await;
}

#[tokio::test]
async fn a_change_that_breaks_a_route_is_refused() {
    let gateway = setup("books.proto", ", needs: [Get]")
        .file("books.proto", BOOKS)
        .start()
        .await;
    let digest = live(&gateway).await.unwrap();
    gateway.write("books.proto", BOOKS.replace("Get", "Find"));
    eventually("the refusal", || async {
        status(&gateway).await["stale"] == true
    })
    .await;
    let shown = status(&gateway).await;
    assert_eq!(shown["digest"], digest.as_str());
    assert_ne!(shown["refused-digest"], Value::Null, "{shown}");
    let error = shown["error"].as_str().unwrap();
    assert!(error.contains("`Get` is not in the descriptors"), "{error}");
    assert!(error.contains("routes.yaml:2"), "{error}");

    let answer = reload(&gateway).await;
    assert_eq!(answer.status(), 422, "{}", answer.text());
    let report = gateway.admin("/config").await.json();
    let problems = report["last-reload"]["problems"].as_array().unwrap();
    let told = |what: &str| {
        let mut messages = problems.iter().map(|problem| &problem["message"]);
        messages.any(|message| message.as_str().unwrap().contains(what))
    };
    assert!(told("descriptors `books` breaks a route"), "{report}");
    assert!(told("`Get` is not in the descriptors"), "{report}");
    assert_eq!(
        live(&gateway).await.unwrap(),
        digest,
        "what was there serves"
    );

    // Other changes go live meanwhile.
    let routes = std::fs::read_to_string(gateway.folder().join("routes.d/routes.yaml")).unwrap();
    gateway.write("routes.d/routes.yaml", routes.replace("/other", "/another"));
    gateway.answers("/another", 200, "").await;
    assert_eq!(live(&gateway).await.unwrap(), digest);

    gateway.write("books.proto", with("More"));
    other_than(&gateway, &digest).await;
    assert_eq!(status(&gateway).await["error"], Value::Null);
}

#[tokio::test]
async fn of_two_changes_the_one_that_fits_goes_live() {
    let gateway = setup("books.proto, films: films.proto", ", needs: [Get]")
        .file("books.proto", BOOKS)
        .file("films.proto", with("Film"))
        .file(
            "routes.d/films.yaml",
            "routes: [{ name: films, match: { path: /films }, respond: {}, plugins: [schemas: { descriptors: films }] }]",
        )
        .start()
        .await;
    let digest = live(&gateway).await.unwrap();
    let films = || async {
        let answer = gateway.get("/films").await;
        answer.header("x-digest").unwrap().to_owned()
    };
    let before = films().await;
    // In one burst, or one after the other: the end is the same.
    gateway.write("books.proto", BOOKS.replace("Get", "Find"));
    gateway.write("films.proto", with("Movie"));
    eventually("the films", || async { films().await != before }).await;
    assert_eq!(live(&gateway).await.unwrap(), digest);
}

#[tokio::test]
async fn an_error_is_shown_at_its_place_in_the_proto_file() {
    let gateway = setup("books.proto", "")
        .file("books.proto", BOOKS)
        .start()
        .await;
    let digest = live(&gateway).await.unwrap();
    gateway.write("books.proto", BOOKS.replace("string name", "sting name"));
    eventually("the complaint", || async {
        status(&gateway).await["stale"] == true
    })
    .await;
    assert_eq!(live(&gateway).await.unwrap(), digest);
    let report = reload(&gateway).await.json();
    let problem = &report["problems"][0];
    assert!(problem["file"].as_str().unwrap().ends_with("books.proto"));
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&9.into(), &16.into())
    );

    let broken = BOOKS.replace("string name", "sting name");
    let checked = setup("books.proto", "").file("books.proto", broken);
    let checked = checked.command(&["check"]);
    assert!(!checked.status.success());
    let text = String::from_utf8_lossy(&checked.stderr);
    assert!(text.contains("books.proto:9:16: error:"), "{text}");
    assert!(text.contains("message Book { sting name = 1; }"), "{text}");
    assert!(text.contains("witgate.yaml:"), "{text}");
}

#[tokio::test]
async fn a_server_describes_itself() {
    let server = Server::start(BOOKS, 0).await;
    let address = server.address;
    drop(server);
    let reflection = format!("{{ reflection: 'http://{address}', refresh: 1s }}");
    let gateway = setup(&reflection, ", needs: [Get]").start().await;
    // It is not there yet: its route says so, and all others serve.
    gateway.get("/").await.is_problem(503, "plugin-unready");
    assert_eq!(gateway.get("/other").await.status(), 200);
    let shown = status(&gateway).await;
    assert_eq!(
        (&shown["digest"], &shown["stale"]),
        (&Value::Null, &true.into())
    );
    assert!(shown["error"].as_str().unwrap().contains("cannot connect"));

    let server = Server::start(BOOKS, address.port()).await;
    let digest = other_than(&gateway, "").await;

    drop(server);
    eventually("the server missed", || async {
        status(&gateway).await["stale"] == true
    })
    .await;
    assert_eq!(live(&gateway).await.unwrap(), digest, "what it said stays");

    let server = Server::start(&with("More"), address.port()).await;
    let digest = other_than(&gateway, &digest).await;
    drop(server);

    let _server = Server::start(&BOOKS.replace("Get", "Find"), address.port()).await;
    eventually("the refusal", || async {
        status(&gateway).await["refused-digest"] != Value::Null
    })
    .await;
    assert_eq!(live(&gateway).await.unwrap(), digest, "a route needs `Get`");
}

#[tokio::test]
async fn a_server_that_describes_something_else_is_not_believed() {
    let server = Server::start(BOOKS, 0).await;
    let open = setup(&format!("'http://{}'", server.address), "");
    let gateway = open.start().await;
    let digest = live(&gateway)
        .await
        .expect("the start waits for its answer");
    drop(gateway);

    let pinned = |pin: &str| {
        let reflection = format!(
            "{{ reflection: 'http://{}', pin: '{pin}' }}",
            server.address
        );
        setup(&reflection, "").start()
    };
    assert_eq!(live(&pinned(&digest).await).await.unwrap(), digest);
    let gateway = pinned(&"0".repeat(64)).await;
    gateway.get("/").await.is_problem(503, "plugin-unready");
    let shown = status(&gateway).await;
    assert!(
        shown["error"].as_str().unwrap().contains(&digest),
        "{shown}"
    );
}

#[tokio::test]
async fn a_server_over_tls_must_be_who_it_says() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let server = Server::start_over_tls(&identity, BOOKS).await;
    let url = |host: &str| format!("'https://{host}:{}'", server.address.port());
    let trusting = |url: &str| {
        let setup = setup(url, "").file("ca.pem", authority.pem());
        setup.environment("SSL_CERT_FILE", "ca.pem")
    };
    let gateway = trusting(&url("localhost")).start().await;
    assert!(live(&gateway).await.is_some());
    let gateway = trusting(&url("127.0.0.1")).start().await;
    assert_eq!(
        live(&gateway).await,
        None,
        "the certificate is not for that"
    );
    let shown = status(&gateway).await;
    assert!(
        shown["error"].as_str().unwrap().contains("TLS handshake"),
        "{shown}"
    );
}

#[tokio::test]
async fn commands_ask_a_server_once() {
    let server = Server::start(BOOKS, 0).await;
    let reflection = format!("'http://{}'", server.address);
    let output = setup(&reflection, "").command(&["openapi", "books"]);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["info"]["title"], "books");
    drop(server);
    let output = setup(&reflection, "").command(&["check"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("waits for its descriptors"), "{text}");
    let output = setup(&reflection, "").command(&["openapi", "books"]);
    assert!(!output.status.success());
}

#[tokio::test]
async fn plugins_can_be_asked() {
    let files = || setup("books.proto", ", odd: true").file("books.proto", BOOKS);
    let checked = files().command(&["check"]);
    assert!(checked.status.success());
    let text = String::from_utf8_lossy(&checked.stderr);
    assert!(
        text.contains("warning: plugin `schemas`: that is odd"),
        "{text}"
    );
    assert!(text.contains("leave it out"), "{text}");

    let asked = [
        "explain",
        "PUT",
        "http://a/b?c",
        "-H",
        "x-tenant: acme",
        "-d",
        "12345",
    ];
    let output = files().command(&asked);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("\"asked\": \"PUT /b?c\""), "{text}");
    assert!(text.contains("\"body\": 5"), "{text}");
    assert!(text.contains("\"tenant\": \"acme\""), "{text}");

    let output = files().command(&["openapi", "book"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("did you mean `books`?"), "{text}");
    let output = files().command(&["openapi", "other"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("describes an API"), "{text}");

    let gateway = files().start().await;
    let url = "/explain?method=PUT&url=http://a/b?c&header=x-tenant:acme&body=12345";
    let explained = gateway.admin(url).await.json();
    let says = &explained["route"]["plugins"][0]["says"];
    assert_eq!(says["body"], 5, "{explained}");
    assert_eq!(says["digest"], live(&gateway).await.unwrap());
    let document = gateway.admin("/openapi/books").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(gateway.admin("/openapi/none").await.status(), 404);
    assert_eq!(gateway.admin("/openapi/other").await.status(), 404);
    let ready = gateway.metrics().await;
    assert_eq!(
        ready.sum("witgate_descriptors_ready", &["name=\"books\""]),
        1.0
    );
}
