//! Who asks, as upstreams are told; nobody else can say so in their place.

use http::{HeaderMap, HeaderValue, Method, Request};
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::{
    grpc::peer,
    support::{
        client::{self, Answer, empty, request, streamed},
        components, eventually,
        gateway::{Gateway, Setup},
        raw, upstream,
    },
};

const HEADERS: &str = "identity: { headers: { subject: x-auth-subject, tenant: x_auth_tenant, scopes: x-auth-scopes, \"claim:/email\": x-auth-email } }";

/// The field by which the plugin `badge` is told whom to establish.
const ALICE: &str =
    r#"{"subject":"alice","tenant":"acme","scopes":["a","b"],"claims":{"email":"a@example.com"}}"#;

fn setup() -> Setup {
    let component = components::fixture("badge");
    Setup::new().settings(HEADERS).settings(&format!(
        "plugins: {{ badge: {{ component: '{}', grants: [metrics] }} }}",
        component.display()
    ))
}

async fn gateway() -> Gateway {
    let echo = upstream::echo().await;
    let routes = format!(
        "upstreams: {{ up: 'http://{echo}' }}
routes:
  - {{ name: known, match: {{ prefix: /known }}, to: up, plugins: [{{ badge: {{ believe: true }} }}] }}
  - {{ name: liar, match: {{ prefix: /liar }}, to: up, headers: {{ request: {{ set: {{ x-auth-subject: forged }} }} }} }}
  - {{ name: matched, match: {{ prefix: /matched, headers: {{ x-auth-subject: forged }} }}, to: up }}
  - {{ name: plain, to: up }}"
    );
    setup().routes(&routes).start().await
}

/// What of these fields an upstream has seen.
fn told(seen: &Value) -> Vec<(String, String)> {
    let of = |fields: &Value| -> Vec<(String, String)> {
        let fields = fields.as_array().unwrap().iter();
        let pairs = fields.map(|field| {
            let text = |at: usize| field[at].as_str().unwrap().to_owned();
            (text(0), text(1))
        });
        pairs.filter(|(name, _)| name.contains("auth")).collect()
    };
    let mut told = of(&seen["headers"]);
    told.extend(of(&seen["trailers"]));
    told.sort();
    told
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    fields.iter().map(pair).collect()
}

fn alices() -> Vec<(String, String)> {
    pairs(&[
        ("x-auth-email", "a@example.com"),
        ("x-auth-scopes", "a b"),
        ("x-auth-subject", "alice"),
        ("x_auth_tenant", "acme"),
    ])
}

const FORGED: [&str; 6] = [
    "x-auth-subject",
    "x_auth_subject",
    "x-auth_subject",
    "x-auth-tenant",
    "x_auth_tenant",
    "x-auth-email",
];

/// Everything that a forger may try over HTTP/1.1.
fn forgery(path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nX-Auth-Subject: forged\r\nx-auth-subject: forged\r\nX_AUTH_SUBJECT: forged\r\n\
         x-Auth_Subject: forged\r\nX-Auth-Tenant: forged\r\nX_Auth_Tenant: forged\r\nX-Auth-Email: forged\r\n\
         Connection: close, x-auth-subject, x_auth_tenant\r\n{more}Transfer-Encoding: chunked\r\n\
         Trailer: x-auth-subject\r\n\r\n1\r\nx\r\n0\r\nX-Auth-Subject: forged\r\nx_auth_email: forged\r\nX-Sum: 1\r\n\r\n"
    )
}

async fn told_of(gateway: &Gateway, path: &str, more: &str) -> Vec<(String, String)> {
    let answer = raw::exchange(gateway.address(), forgery(path, more)).await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let (from, to) = (body.find('{').unwrap(), body.rfind('}').unwrap());
    let seen: Value = serde_json::from_str(&body[from..=to]).unwrap();
    told(&seen)
}

#[tokio::test]
async fn nobody_forges_it_over_http1() {
    let gateway = gateway().await;
    for path in ["/", "/liar", "/known", "/matched"] {
        assert_eq!(told_of(&gateway, path, "").await, [], "{path}");
    }
    let more = format!("X-As: {ALICE}\r\n");
    assert_eq!(told_of(&gateway, "/known", &more).await, alices());
    let line = gateway
        .access
        .wait_for("the request to /matched", |line| line["path"] == "/matched")
        .await;
    assert_eq!(line["route"], "plain", "a forged field matches no route");
}

#[tokio::test]
async fn nobody_forges_it_over_http2() {
    let gateway = gateway().await;
    for (path, who, expected) in [
        ("/", None, vec![]),
        ("/known", None, vec![]),
        ("/known", Some(ALICE), alices()),
    ] {
        let (sender, body) = streamed();
        let mut sent = Request::post(format!("http://{}{path}", gateway.address()));
        for name in FORGED {
            sent = sent.header(name, "forged").header(name, "again");
        }
        if let Some(who) = who {
            sent = sent.header("x-as", who);
        }
        let mut trailers = HeaderMap::new();
        for name in FORGED {
            trailers.append(name, HeaderValue::from_static("forged"));
        }
        sender.send(Frame::data("x".into())).await.unwrap();
        tokio::spawn(async move { sender.send(Frame::trailers(trailers)).await });
        let answer = client::send_h2(gateway.address(), sent.body(body).unwrap()).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(told(&answer.json()), expected, "{path}");
    }
}

#[tokio::test]
async fn nobody_forges_it_in_a_grpc_call() {
    let up = peer::upstream(|mut call: peer::Incoming| async move {
        call.read().await;
        let named = |name: &&str| call.head.headers.contains_key(*name);
        let mut seen: Vec<_> = FORGED.into_iter().filter(named).collect();
        let subject = call.head.headers.get("x-auth-subject");
        seen.extend(subject.map(|value| value.to_str().unwrap()));
        call.succeed(&seen.join(" "));
    })
    .await;
    let routes = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{up}'], protocol: http2 }} }}
routes:
  - {{ name: known, match: {{ prefix: /known.Service }}, to: up, plugins: [{{ badge: {{ believe: true }} }}] }}
  - {{ name: plain, to: up }}"
    );
    let gateway = setup().routes(&routes).start().await;
    let mut client = peer::Client::new(gateway.address()).await;
    let forged: Vec<_> = FORGED.iter().map(|name| (*name, "forged")).collect();
    let with_alice = [&forged[..], &[("x-as", ALICE)]].concat();
    for (path, fields, expected) in [
        ("/plain.Service/Call", &forged, ""),
        ("/known.Service/Call", &forged, ""),
        (
            "/known.Service/Call",
            &with_alice,
            "x-auth-subject x_auth_tenant x-auth-email alice",
        ),
    ] {
        let outcome = client.unary(path, fields).await;
        assert_eq!(outcome.status(), ("0", false), "{outcome:?}");
        assert_eq!(outcome.body, peer::message(expected), "{path}");
    }
}

#[tokio::test]
async fn what_a_field_cannot_say_is_left_out_and_noted() {
    let gateway = gateway().await;
    let ask = async |who: Value| -> Answer {
        let sent =
            request(Method::GET, gateway.address(), "/known").header("x-as", who.to_string());
        client::send(gateway.address(), sent.body(empty()).unwrap()).await
    };
    let who = json!({ "subject": "Zoë", "claims": { "email": "a\r\nx-admin: 1" } });
    let answer = ask(who).await;
    let seen = answer.json();
    assert_eq!(told(&seen), pairs(&[("x-auth-subject", "Zoë")]));
    assert!(upstream::seen(&seen, "x-admin").is_empty());
    let line = gateway
        .access
        .wait_for("the request", |line| line["path"] == "/known")
        .await;
    assert_eq!(line["notes"], json!(["identity-not-told"]), "{line}");
}

#[tokio::test]
async fn the_log_and_the_metrics_know_who_asked_and_what_was_noted() {
    let routes = "routes:
  - { name: a, respond: {}, plugins: [{ badge: { count: true } }, { badge: { establish: { subject: alice, consumer: shop, tenant: acme }, note: [odd] } }] }";
    let gateway = setup().routes(routes).start().await;
    assert_eq!(gateway.get("/").await.status(), 200);
    let line = gateway
        .access
        .wait_for("the request", |line| line["route"] == "a")
        .await;
    let who = [&line["subject"], &line["consumer"], &line["tenant"]];
    assert_eq!(who, ["alice", "shop", "acme"], "{line}");
    assert_eq!(line["notes"], json!(["odd"]));
    eventually("the counts", || async {
        let metrics = gateway.metrics().await;
        metrics.sum("witgate_notes_total", &["route=\"a\"", "note=\"odd\""]) == 1.0
            && metrics.sum(
                "witgate_plugin_ended",
                &["subject=\"alice\"", "notes=\"odd\""],
            ) == 1.0
    })
    .await;
}

#[tokio::test]
async fn the_end_knows_which_endpoint_was_asked() {
    let echo = upstream::echo().await;
    let routes = format!(
        "upstreams: {{ up: 'http://{echo}' }}\nroutes: [{{ name: a, to: up, plugins: [{{ badge: {{ count: true }} }}] }}]"
    );
    let gateway = setup().routes(&routes).start().await;
    assert_eq!(gateway.get("/").await.status(), 200);
    let endpoint = format!("endpoint=\"http://{echo}\"");
    eventually("the count", || async {
        let metrics = gateway.metrics().await;
        metrics.sum("witgate_plugin_ended", &[&endpoint]) == 1.0
    })
    .await;
}

#[tokio::test]
async fn other_fields_count_from_a_reload_on() {
    let gateway = gateway().await;
    let ask = async || {
        let sent = request(Method::GET, gateway.address(), "/known")
            .header("x-as", ALICE)
            .header("x-auth-subject", "forged")
            .header("x-who", "forged");
        let answer = client::send(gateway.address(), sent.body(empty()).unwrap()).await;
        let seen = |name| upstream::seen(&answer.json(), name).join(" ");
        [seen("x-auth-subject"), seen("x-who")]
    };
    assert_eq!(ask().await, ["alice", "forged"]);
    let file = std::fs::read_to_string(gateway.folder().join("witgate.yaml")).unwrap();
    gateway.write("witgate.yaml", file.replace("x-auth-subject", "x-who"));
    eventually("the other field", || async {
        ask().await == ["forged", "alice"]
    })
    .await;
}

#[tokio::test]
async fn fields_that_cannot_be_meant_are_refused() {
    for (headers, words) in [
        ("sub: x-a", ["witgate.yaml:", "`sub` is no field", "claim:"]),
        (
            "'claim:email': x-a",
            ["witgate.yaml:", "claim:email", "JSON pointer"],
        ),
        (
            "subject: authorization",
            ["witgate.yaml:", "authorization", "of its own"],
        ),
        ("subject: 'a b'", ["witgate.yaml:", "a b", "not the name"]),
        (
            "subject: grpc-timeout",
            ["witgate.yaml:", "grpc-timeout", "of its own"],
        ),
        (
            "subject: x-a, tenant: X_A",
            ["witgate.yaml:", "two things", "subject"],
        ),
    ] {
        let setup = Setup::new()
            .routes("routes: [{ name: a, respond: {} }]")
            .settings(&format!("identity: {{ headers: {{ {headers} }} }}"));
        let output = setup.command(&["check"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{headers}");
        for word in words {
            assert!(text.contains(word), "{headers}: {text}");
        }
    }
}
