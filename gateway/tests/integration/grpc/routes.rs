//! Routes by service and method.

use super::peer::{self, Client};
use crate::support::gateway::Setup;

#[tokio::test]
async fn calls_find_their_route() {
    let upstream = peer::upstream(|mut call| async move {
        call.read().await;
        call.succeed(call.head.uri.path().to_owned().as_str());
    })
    .await;
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{upstream}'], protocol: http2 }} }}
routes:
  - {{ name: service, match: {{ grpc: bookstore.v1.Bookstore }}, to: up }}
  - {{ name: method, match: {{ grpc: bookstore.v1.Bookstore/GetBook }}, to: up }}
  - name: anywhere
    match: {{ grpc: {{ method: Ping }} }}
    to: up
  - name: renamed
    match: {{ grpc: {{ service: old.Shop, method: Buy }} }}
    to: up
    rewrite: {{ path: /new.Shop/Buy }}
tests:
  - {{ request: POST /bookstore.v1.Bookstore/ListBooks, route: service }}
  - {{ request: POST /bookstore.v1.Bookstore/GetBook, route: method }}
  - {{ request: POST /bookstore.v1.Bookstore/Ping, route: service }}
  - {{ request: POST /any.Other/Ping, route: anywhere }}
  - {{ request: GET /bookstore.v1.Bookstore/GetBook, route: none }}
  - {{ request: POST /bookstore.v1.Bookstore, route: none }}
  - {{ request: POST /bookstore.v1.Bookstore/a/b, route: none }}
"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    let mut client = Client::new(gateway.address()).await;
    let outcome = client.unary("/old.Shop/Buy", &[]).await;
    assert_eq!(outcome.body, peer::message("/new.Shop/Buy"));
    let table = gateway.admin("/routes").await.text();
    let row = |name: &str| {
        let mut rows = table
            .lines()
            .map(|row| row.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row.contains(&name)).unwrap();
        (row[1].to_owned(), row[2].to_owned())
    };
    let shown = |path: &str| (path.to_owned(), String::from("POST"));
    assert_eq!(row("service"), shown("/bookstore.v1.Bookstore/{method}"));
    assert_eq!(row("anywhere"), shown("/{service}/Ping"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (condition, message) in [
        ("grpc: /a.B/C", "begins with a slash"),
        ("grpc: 'a.B/*'", "not the name of a gRPC method"),
        ("grpc: {}", "names neither"),
        ("grpc: { service: 'a/b' }", "not the name of a gRPC service"),
        ("grpc: a.B, path: /x", "both `grpc` and `path`"),
        ("grpc: a.B, method: POST", "both `grpc` and `method`"),
    ] {
        let yaml = format!("routes: [{{ name: a, match: {{ {condition} }}, respond: {{}} }}]");
        let told = super::refusal(&yaml);
        assert!(told.contains(message), "{condition}: {told}");
    }
}

#[test]
fn two_routes_for_one_method_are_ambiguous() {
    let yaml = "routes:
  - { name: a, match: { grpc: a.B/C }, respond: {} }
  - { name: b, match: { path: /a.B/C, method: POST }, respond: {} }
";
    let told = super::refusal(yaml);
    assert!(
        told.contains("match the same requests equally well"),
        "{told}"
    );
}
