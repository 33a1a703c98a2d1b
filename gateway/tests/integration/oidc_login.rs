//! A route behind the oidc-login component: with oidc-provider and a real browser, and with oauth2-mock-server, which
//! asks nobody for a password, and a client that keeps cookies.

mod browsing;
mod faults;
mod scripted;

use serde_json::{Value, json};

use crate::support::{
    auth_servers::AuthServer,
    chromium::Tab,
    components, eventually,
    gateway::{Gateway, Setup},
    upstream,
};

/// A gateway in front of an upstream that tells what it saw. Settings are those beside the usual, as the rest of a
/// YAML map; secrets are the versions of the key of the cookies.
async fn guarded(server: &AuthServer, settings: &str, secrets: &[&str]) -> Gateway {
    let up = upstream::echo().await;
    let component = components::shipped("oidc-login");
    let mut setup = Setup::new().file("shop", "the secret of the shop, long enough\n");
    let mut versions = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        setup = setup.file(&format!("cookies-{index}"), secret);
        versions.push(format!("{{ file: cookies-{index} }}"));
    }
    let url = server.url();
    setup
        .settings(&format!(
            "plugins:\n  oidc-login:\n    component: '{component}'\n    \
             grants: [clock, crypto, http-client, keys, kv, log, random, {{ secrets: [cookies] }}]\n\
             http-clients:\n  login: {{ url: {url}, timeout: 2s }}\n  \
             login-shop: {{ url: {url}, timeout: 2s, authorization: {{ client-credentials: {{ id: shop, secret: shop }} }} }}\n\
             key-sets: {{ login: {{ url: '{url}/jwks', cool-down: 1s }} }}\n\
             secrets: {{ shop: {{ file: shop }}, cookies: [{versions}] }}\n\
             identity: {{ headers: {{ subject: x-user, 'claim:/email': x-email }} }}\n",
            component = component.display(),
            versions = versions.join(", "),
        ))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\n\
             routes:\n  - name: goodbye\n    match: {{ path: /goodbye }}\n    respond: {{ body: goodbye }}\n  \
             - name: shop\n    plugins:\n      - oidc-login: {{ issuer: '{url}', client: login, token-client: login-shop, \
             keys: login, secret: cookies, client-id: shop, scopes: [email], after-logout: /goodbye{settings} }}\n    to: up"
        ))
        .start()
        .await
}

fn origin(gateway: &Gateway) -> String {
    format!("http://{}", gateway.address())
}

/// Both, with oidc-provider. It starts last: it wants to know where browsers come from.
async fn shop(settings: &str, options: &Value) -> (AuthServer, Gateway) {
    let mut server = AuthServer::oidc();
    for (name, value) in options.as_object().unwrap() {
        server.option(name, value.clone());
    }
    let gateway = guarded(&server, settings, &["the one key of the cookies"]).await;
    server.start_for(&[origin(&gateway)]).await;
    // It may have been asked for its keys too early.
    eventually("the issuer's keys", || async {
        gateway.admin("/key-sets").await.json()[0]["keys"] == 1
    })
    .await;
    (server, gateway)
}

/// What the issuer's pages want to know the first time.
async fn fill_in(tab: &mut Tab, user: &str) {
    sign_in(tab, user).await;
    let consent = "document.querySelector('[value=consent]') !== null";
    tab.until("the form for the consent", consent).await;
    tab.run("document.querySelector('form').submit(); true")
        .await;
}

async fn sign_in(tab: &mut Tab, user: &str) {
    tab.until(
        "the form for the login",
        "document.querySelector('[name=login]') !== null",
    )
    .await;
    tab.run(&format!(
        "document.querySelector('[name=login]').value = '{user}';\
         document.querySelector('[name=password]').value = 'secret';\
         document.querySelector('form').submit(); true"
    ))
    .await;
}

/// What the upstream behind the gateway saw, once the page of it is there.
async fn arrived(tab: &mut Tab) -> Value {
    let page = "document.querySelector('form') === null && document.body.innerText.includes('authority') \
                && document.body.innerText";
    let text = tab.until("the page that was wanted", page).await;
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

/// The statuses that scripts of the page see.
async fn fetches(tab: &mut Tab, times: u32) -> Value {
    tab.run(&format!(
        "Promise.all(Array.from({{ length: {times} }}, () => fetch('/api').then((answer) => answer.status)))\
         .then((all) => [...new Set(all)])"
    ))
    .await
}

fn short_lived() -> Value {
    json!({ "ttl": { "AccessToken": 4 } })
}
