//! Several issuers on one route.

use super::*;

struct Two {
    ours: Issuer,
    theirs: Issuer,
    policy: JwtAuth,
}

fn two() -> Two {
    let (ours, theirs) = (Issuer::p256(), Issuer::p256());
    testing::set_keys("ours", &ours.set("k1"));
    testing::set_keys("theirs", &theirs.set("k1"));
    testing::set_key_issuer("theirs", "https://theirs");
    testing::set_unix_seconds(NOW);
    let config = json!({
        "audience": "orders",
        "claims-to-headers": { "sub": "x-user" },
        "require": [{ "claim": "sub", "exists": true }],
        "issuers": [
            { "issuer": "https://ours", "keys": "ours", "leeway": "0s" },
            {
                "keys": "theirs",
                "audience": ["partners", "orders"],
                "require": [{ "claim": "partner", "equals": true }],
                "claims-to-headers": { "user": "X-User", "group": "x-group" },
                "identity": { "subject": "user" },
            },
        ],
    });
    Two {
        ours,
        theirs,
        policy: testing::configure(&config.to_string()).unwrap(),
    }
}

fn token(issuer: &Issuer, name: &str, changes: &Value) -> String {
    let mut claims = with(changes);
    claims["iss"] = json!(name);
    issuer.token(&json!({ "alg": "ES256", "kid": "k1" }), &claims)
}

#[test]
fn the_token_chooses_its_issuer() {
    let two = two();
    let ours = |changes: Value| token(&two.ours, "https://ours", &changes);
    let theirs = |changes: Value| token(&two.theirs, "https://theirs", &changes);
    let partner = json!({ "partner": true, "aud": "partners" });
    let cases = [
        (ours(json!({})), "next"),
        (theirs(partner.clone()), "next"),
        // What each says counts for its own tokens.
        (ours(partner), "401 token-audience-refused"),
        (theirs(json!({})), "403 token-claims-insufficient"),
        (
            theirs(json!({ "partner": true, "sub": null })),
            "403 token-claims-insufficient",
        ),
        (ours(json!({ "exp": NOW - 1 })), "401 token-expired"),
        (theirs(json!({ "exp": NOW - 1, "partner": true })), "next"),
        // The key of one signs nothing for the other.
        (
            token(&two.theirs, "https://ours", &json!({})),
            "401 token-signature-invalid",
        ),
        (
            token(&two.ours, "https://theirs", &json!({})),
            "401 token-signature-invalid",
        ),
        (
            token(&two.ours, "https://ours/", &json!({})),
            "401 token-issuer-refused",
        ),
        (token(&two.ours, "", &json!({})), "401 token-issuer-refused"),
        (
            two.ours.token(
                &json!({ "alg": "ES256", "kid": "k1" }),
                &json!({ "exp": NOW }),
            ),
            "401 token-issuer-refused",
        ),
    ];
    for (index, (token, expected)) in cases.iter().enumerate() {
        for _ in 0..2 {
            assert_eq!(outcome(&two.policy, bearer(token)), *expected, "{index}");
        }
    }
}

#[test]
fn each_fills_its_fields_and_clears_those_of_the_other() {
    let two = two();
    let fields = |token: &str| {
        let request = bearer(token)
            .header("x-user", "root")
            .header("x-group", "root");
        let mut exchange = Exchange::new(&two.policy, request);
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        let request = exchange.request();
        let subject = exchange.identity().unwrap().subject();
        (request.header("x-user"), request.header("x-group"), subject)
    };
    let text = |text: &str| Some(text.to_owned());
    let ours = token(&two.ours, "https://ours", &json!({}));
    let claims = json!({ "partner": true, "user": "bob", "group": "g" });
    let theirs = token(&two.theirs, "https://theirs", &claims);
    for _ in 0..2 {
        assert_eq!(fields(&ours), (text("ada"), None, text("ada")));
        assert_eq!(fields(&theirs), (text("bob"), text("g"), text("bob")));
    }
}

#[test]
fn the_keys_of_one_come_and_go_without_the_other() {
    let two = two();
    let ours = token(&two.ours, "https://ours", &json!({}));
    let theirs = token(&two.theirs, "https://theirs", &json!({ "partner": true }));
    let remembered = |token: &str| {
        two.policy
            .cache
            .borrow()
            .get(token.as_bytes(), NOW)
            .is_some()
    };
    for token in [&ours, &theirs] {
        assert_eq!(outcome(&two.policy, bearer(token)), "next");
    }
    testing::set_keys("ours", &Issuer::p256().set("k2"));
    testing::allow_refresh("theirs", true);
    assert_eq!(outcome(&two.policy, bearer(&theirs)), "next");
    assert_eq!(outcome(&two.policy, bearer(&ours)), "401 token-key-unknown");
    assert!(remembered(&theirs) && !remembered(&ours));
    assert_eq!(
        (testing::refreshes("ours"), testing::refreshes("theirs")),
        (1, 0)
    );
}

#[test]
fn keys_that_were_found_by_their_issuer_sign_for_it_alone() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    testing::set_key_issuer("login", "https://login");
    let policy = policy(&json!({ "issuer": [] }));
    assert_eq!(
        outcome(
            &policy,
            bearer(&token(&issuer, "https://login", &json!({})))
        ),
        "next"
    );
    let other = token(&issuer, "https://other", &json!({}));
    assert_eq!(outcome(&policy, bearer(&other)), "401 token-issuer-refused");
}

#[test]
fn a_table_of_issuers_is_unambiguous() {
    for name in ["a", "b"] {
        testing::set_keys(name, "");
    }
    testing::set_key_issuer("b", "https://b");
    let pointers = |config: Value| {
        let problems = testing::configure::<JwtAuth>(&config.to_string())
            .err()
            .unwrap();
        problems
            .into_iter()
            .map(|problem| problem.pointer)
            .collect::<Vec<_>>()
    };
    assert_eq!(pointers(json!({})), [""]);
    assert_eq!(
        pointers(json!({ "issuers": [{ "keys": "a" }] })),
        ["/issuers/0"]
    );
    assert_eq!(
        pointers(json!({ "issuers": [{ "keys": "b" }, { "keys": "a", "issuer": "https://b" }] })),
        ["/issuers/1"]
    );
    assert_eq!(
        pointers(
            json!({ "keys": "a", "issuer": "x", "issuers": [{ "keys": "c", "issuer": "y", "algorithms": ["none"] }] })
        ),
        [
            "/keys",
            "/issuer",
            "/issuers/0/keys",
            "/issuers/0/algorithms/0"
        ]
    );
}
