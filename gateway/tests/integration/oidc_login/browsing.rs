//! What people see.

use serde_json::{Value, json};

use super::{arrived, fetches, fill_in, guarded, origin, shop, short_lived, sign_in};
use crate::support::{
    chromium::Chromium,
    client::{self, empty, request},
    eventually, upstream,
};

#[tokio::test]
async fn a_login_ends_where_it_began_and_a_logout_ends_it() {
    let (server, gateway) = shop("", &json!({})).await;
    let origin = origin(&gateway);
    let browser = Chromium::launch("about:blank").await;
    let mut tab = browser.tab().await;
    tab.open(&format!("{origin}/orders/7?full=1#top")).await;
    fill_in(&mut tab, "ada").await;
    let seen = arrived(&mut tab).await;
    assert_eq!(seen["target"], "/orders/7?full=1");
    assert_eq!(upstream::seen(&seen, "x-user"), ["ada"]);
    assert_eq!(upstream::seen(&seen, "x-email"), ["ada@example.com"]);
    // Of those that the issuer sets for all ports of the host, the gateway knows nothing.
    let cookies = upstream::seen(&seen, "cookie").join("; ");
    assert!(
        !cookies.split("; ").any(|pair| pair.starts_with("session")),
        "{seen}"
    );
    assert_eq!(
        tab.run("document.cookie").await,
        "",
        "scripts see no session"
    );
    assert_eq!(fetches(&mut tab, 10).await, json!([200]));
    assert_eq!(server.asked("/token").await, 1);

    // A page of another site cannot end it.
    let logout = format!("{origin}/oauth2/logout");
    let foreign = format!("location = '{logout}'; true");
    tab.open(&format!(
        "{}/.well-known/openid-configuration",
        server.url()
    ))
    .await;
    tab.until(
        "the other site",
        "document.body.innerText.includes('issuer')",
    )
    .await;
    tab.run(&foreign).await;
    tab.until(
        "the refusal",
        "document.body.innerText.includes('logout-refused')",
    )
    .await;
    assert_eq!(fetches(&mut tab, 1).await, json!([200]));

    tab.open(&logout).await;
    tab.until(
        "the issuer's question",
        "document.querySelector('[name=logout]') !== null",
    )
    .await;
    assert_eq!(server.asked("/token/revocation").await, 1);
    tab.run("document.querySelector('[name=logout]').click(); true")
        .await;
    tab.until(
        "the way back",
        "document.body.innerText === 'goodbye' && location.pathname === '/goodbye'",
    )
    .await;
    assert_eq!(fetches(&mut tab, 1).await, json!([401]));
    tab.open(&origin).await;
    tab.until(
        "the next login",
        "document.querySelector('[name=login]') !== null",
    )
    .await;
}

#[tokio::test]
async fn tokens_are_renewed_once_for_all_requests() {
    let (server, gateway) = shop(", forward-access-token: true", &short_lived()).await;
    let origin = origin(&gateway);
    let browser = Chromium::launch("about:blank").await;
    let mut tab = browser.tab().await;
    tab.open(&origin).await;
    fill_in(&mut tab, "ada").await;
    let token = upstream::seen(&arrived(&mut tab).await, "authorization");
    for turn in 2..4 {
        // A crowd each time; the issuer ends the session if one refresh token comes twice.
        loop {
            assert_eq!(fetches(&mut tab, 20).await, json!([200]));
            match server.asked("/token").await {
                asked if asked < turn => continue,
                asked => break assert_eq!(asked, turn),
            }
        }
    }
    tab.open(&origin).await;
    let renewed = upstream::seen(&arrived(&mut tab).await, "authorization");
    assert_ne!(renewed, token);
}

#[tokio::test]
async fn two_tabs_log_in_side_by_side() {
    let (_server, gateway) = shop("", &json!({})).await;
    let origin = origin(&gateway);
    let browser = Chromium::launch("about:blank").await;
    let (mut one, mut two) = (browser.tab().await, browser.tab().await);
    one.open(&format!("{origin}/one")).await;
    two.open(&format!("{origin}/two")).await;
    for tab in [&mut one, &mut two] {
        tab.until(
            "the form",
            "document.querySelector('[name=login]') !== null",
        )
        .await;
    }
    fill_in(&mut two, "ada").await;
    assert_eq!(arrived(&mut two).await["target"], "/two");
    // The consent is there already.
    sign_in(&mut one, "ada").await;
    assert_eq!(arrived(&mut one).await["target"], "/one");
}

#[tokio::test]
async fn a_cookie_that_the_gateway_did_not_seal_is_no_session() {
    let (server, gateway) = shop("", &json!({})).await;
    let origin = origin(&gateway);
    let browser = Chromium::launch("about:blank").await;
    let mut tab = browser.tab().await;
    tab.open(&origin).await;
    fill_in(&mut tab, "ada").await;
    arrived(&mut tab).await;
    let cookies = tab.cookies(&origin).await;
    let session = cookies
        .iter()
        .find(|cookie| cookie["name"] == "session")
        .unwrap();
    assert_eq!(session["httpOnly"], true);
    assert_eq!(session["sameSite"], "Lax");
    let good = session["value"].as_str().unwrap().to_owned();

    // Another gateway takes it if it has the key, as an old one or as the newest.
    for (keys, status) in [
        (&["another key for cookies"][..], 401),
        (
            &["a newer key for cookies", "the one key of the cookies"],
            200,
        ),
    ] {
        let other = guarded(&server, "", keys).await;
        let sent = request(http::Method::GET, other.address(), "/")
            .header("cookie", format!("session={good}"))
            .body(empty())
            .unwrap();
        let answer = client::send(other.address(), sent).await;
        assert_eq!(answer.status(), status, "{keys:?} {}", answer.text());
        let noted = |line: &Value| line.to_string().contains("session-invalid");
        if status == 401 {
            other.access.wait_for("a note of the forgery", noted).await;
            eventually("a count of it", || async {
                other
                    .metrics()
                    .await
                    .sum("witgate_notes_total", &["note=\"session-invalid\""])
                    > 0.0
            })
            .await;
        }
    }

    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    tab.set_cookie(&origin, "session", &forged).await;
    assert_eq!(fetches(&mut tab, 1).await, json!([401]));
    // The issuer still knows who this is: no form, and a session again.
    tab.open(&format!("{origin}/again")).await;
    assert_eq!(arrived(&mut tab).await["target"], "/again");
}
