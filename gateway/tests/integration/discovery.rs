//! Issuers that are found by what they say of themselves, and routes that trust them.

mod wrong;

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    auth_servers::AuthServer,
    client::{self, Answer, full, request},
    components, eventually,
    gateway::{Gateway, Setup},
    issuer::{Issuer, Key},
    load::Load,
    upstream,
};

/// `key_sets` and one route for each name, protected by it: `/NAME`. Any other path is free.
fn protected(key_sets: &str, routes: &str) -> Setup {
    Setup::new()
        .settings(&format!(
            "plugins: {{ jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }} }}\n\
             key-sets:\n{key_sets}",
            components::shipped("jwt-auth").display()
        ))
        .routes(&format!(
            "routes:\n  - {{ name: free, respond: {{}} }}\n{routes}"
        ))
}

fn route(name: &str, settings: &str) -> String {
    format!(
        "  - {{ name: {name}, match: {{ path: /{name} }}, respond: {{}}, plugins: [{{ jwt-auth: {settings} }}] }}\n"
    )
}

async fn get(gateway: &Gateway, path: &str, token: &str) -> Answer {
    client::get_with_token(gateway.address(), path, token).await
}

async fn status(gateway: &Gateway, path: &str, token: &str) -> u16 {
    get(gateway, path, token).await.status().as_u16()
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status(), status, "{}", answer.text());
    assert_eq!(answer.json()["code"], code);
}

async fn unreachable(gateway: &Gateway) -> f64 {
    let labels = ["key_set=\"login\"", "reason=\"unreachable\""];
    let metrics = gateway.metrics().await;
    metrics.sum("witgate_key_set_fetch_failures_total", &labels)
}

/// What the mock server gives for a form.
async fn tokens(server: &AuthServer, form: &str) -> Value {
    let asked = request(Method::POST, server.address(), "/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(full(form.to_owned()))
        .unwrap();
    client::send(server.address(), asked).await.json()
}

async fn access_token(server: &AuthServer) -> String {
    let form = "grant_type=client_credentials&aud=orders&scope=read";
    let tokens = tokens(server, form).await;
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_of_a_real_issuer_pass_and_its_other_tokens_do_not() {
    let server = AuthServer::mock(&json!({})).await;
    let name = server.url();
    let sets = format!("  login: {{ issuer: '{name}' }}\n");
    let routes = route(
        "orders",
        "{ keys: login, audience: orders, scopes: { any: [read, write] } }",
    ) + &route(
        "other",
        "{ keys: login, issuer: 'https://other.test', audience: orders }",
    ) + &route("typed", "{ keys: login, audience: orders, type: at+jwt }");
    let gateway = protected(&sets, &routes).start().await;
    let token = access_token(&server).await;
    for _ in 0..3 {
        assert_eq!(status(&gateway, "/orders", &token).await, 200);
    }
    refused(
        &get(&gateway, "/other", &token).await,
        401,
        "token-issuer-refused",
    );
    refused(
        &get(&gateway, "/typed", &token).await,
        401,
        "token-type-refused",
    );

    // An ID token is by the same issuer and key, and for somebody else.
    let both = tokens(&server, "grant_type=password&username=ada&client_id=shop").await;
    let id_token = both["id_token"].as_str().unwrap();
    refused(
        &get(&gateway, "/orders", id_token).await,
        401,
        "token-audience-refused",
    );
    let line = gateway.access.wait_for("the refusal", |line| {
        line["notes"]
            .as_array()
            .is_some_and(|notes| notes.contains(&json!("token-audience-refused")))
    });
    assert_eq!(line.await["status"], 401);

    let set = gateway.admin("/key-sets").await.json()[0].clone();
    assert_eq!(set["source"], json!(name), "{set}");
    assert_eq!(set["jwks-uri"], json!(format!("{name}/jwks")), "{set}");
    assert_eq!(
        (&set["keys"], &set["unusable"]),
        (&json!(1), &json!(0)),
        "{set}"
    );
}

#[tokio::test]
async fn a_real_issuer_dies_and_comes_back_with_other_keys() {
    let mut server = AuthServer::mock(&json!({})).await;
    let sets = format!("  login: {{ issuer: '{}', cool-down: 1s }}\n", server.url());
    let (first, second) = (access_token(&server).await, access_token(&server).await);
    server.kill();

    // Down from the start: nobody gets in, and the gateway serves.
    let routes = route("orders", "{ keys: login, audience: orders }");
    let gateway = protected(&sets, &routes).start().await;
    let load = Load::start(gateway.address(), |_| {}).await;
    let answer = get(&gateway, "/orders", &first).await;
    refused(&answer, 503, "token-keys-unavailable");
    assert!(answer.header("retry-after").is_some());
    gateway
        .log
        .wait_for("a line that tells why", |line| {
            line["reason"] == "unreachable"
        })
        .await;

    // Other keys than those that signed: it forgets them when it ends.
    server.start().await;
    let third = access_token(&server).await;
    eventually("keys", || async {
        status(&gateway, "/orders", &third).await == 200
    })
    .await;
    for gone in [&first, &second] {
        assert_eq!(status(&gateway, "/orders", gone).await, 401);
    }

    // Dead again: what is known stays in use, also for tokens that were not seen before.
    let fourth = access_token(&server).await;
    let before = unreachable(&gateway).await;
    server.kill();
    for token in [&third, &fourth] {
        assert_eq!(status(&gateway, "/orders", token).await, 200);
    }
    eventually(
        "a fetch that a missing key asks for, and that fails",
        || async {
            assert_eq!(status(&gateway, "/orders", &first).await, 401);
            unreachable(&gateway).await > before
        },
    )
    .await;
    assert_eq!(status(&gateway, "/orders", &fourth).await, 200);

    // And back with new keys: the old ones end, remembered tokens with them.
    server.start().await;
    let fifth = access_token(&server).await;
    eventually("the new key", || async {
        status(&gateway, "/orders", &fifth).await == 200
    })
    .await;
    for token in [&third, &fourth] {
        assert_eq!(status(&gateway, "/orders", token).await, 401);
    }
    assert!(load.stop().await > 0);
}

#[tokio::test]
async fn several_issuers_share_a_route_and_nothing_else() {
    let server = AuthServer::mock(&json!({})).await;
    let key = Key::new("one");
    let ours = Issuer::with(&[&key]).await;
    let sets = format!(
        "  login: {{ issuer: '{}' }}\n  ours: {{ url: 'http://{}/jwks.json' }}\n",
        server.url(),
        ours.address
    );
    let up = upstream::echo().await;
    let gateway = protected(&sets, "")
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}
routes:
  - name: orders
    plugins:
      - jwt-auth:
          audience: orders
          issuers:
            - {{ keys: login, claims-to-headers: {{ scope: x-scope }} }}
            - keys: ours
              issuer: https://issuer.test
              require: [{{ claim: groups, contains: staff }}]
              claims-to-headers: {{ groups: x-groups }}
    to: up
"
        ))
        .start()
        .await;
    let seen = |answer: Answer, field: &str| {
        assert_eq!(answer.status(), 200, "{}", answer.text());
        upstream::seen(&answer.json(), field)
    };
    let send = async |token: &str| {
        let sent = request(Method::GET, gateway.address(), "/")
            .header("authorization", format!("Bearer {token}"))
            .header("x-groups", "forged")
            .header("x-scope", "forged")
            .body(client::empty())
            .unwrap();
        client::send(gateway.address(), sent).await
    };
    let theirs = access_token(&server).await;
    let staff = key.token(&json!({ "groups": ["staff", "eu"] }));
    let guest = key.token(&json!({ "groups": ["guest"] }));
    for _ in 0..2 {
        assert_eq!(seen(send(&theirs).await, "x-scope"), ["read"]);
        assert!(seen(send(&theirs).await, "x-groups").is_empty());
        assert_eq!(seen(send(&staff).await, "x-groups"), ["staff,eu"]);
        assert!(seen(send(&staff).await, "x-scope").is_empty());
        refused(&send(&guest).await, 403, "token-claims-insufficient");
    }
    let crossed = key.token(&json!({ "iss": server.url(), "groups": ["staff"] }));
    refused(&send(&crossed).await, 401, "token-key-unknown");
    let stranger = key.token(&json!({ "iss": "https://stranger.test", "groups": ["staff"] }));
    refused(&send(&stranger).await, 401, "token-issuer-refused");
}

#[tokio::test]
async fn nobody_passes_where_that_is_said_and_no_forged_identity_does() {
    let key = Key::new("one");
    let issuer = Issuer::with(&[&key]).await;
    let up = upstream::echo().await;
    let sets = format!("  login: {{ url: 'http://{}/' }}\n", issuer.address);
    let gateway = protected(&sets, "")
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}
routes:
  - name: shop
    plugins:
      - jwt-auth: {{ keys: login, audience: orders, anonymous: true, claims-to-headers: {{ sub: x-customer }} }}
    to: up
"
        ))
        .start()
        .await;
    let send = async |token: Option<&str>| {
        let mut sent = request(Method::GET, gateway.address(), "/").header("x-customer", "mallory");
        if let Some(token) = token {
            sent = sent.header("authorization", format!("Bearer {token}"));
        }
        client::send(gateway.address(), sent.body(client::empty()).unwrap()).await
    };
    let nobody = send(None).await;
    assert_eq!(nobody.status(), 200);
    assert!(upstream::seen(&nobody.json(), "x-customer").is_empty());
    let alice = send(Some(&key.token(&json!({})))).await;
    assert_eq!(upstream::seen(&alice.json(), "x-customer"), ["alice"]);
    let expired = key.token(&json!({ "exp": 1 }));
    refused(&send(Some(&expired)).await, 401, "token-expired");
    refused(&send(Some("nonsense")).await, 401, "token-malformed");
}
