//! An issuer with a real key.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2::url::Url;
use serde_json::{Value, json};
use witgate_plugin::{http::Response, testing};

use super::{
    ISSUER, NOW, OidcLogin,
    browser::{Browser, parameter, way_back},
};

pub(super) struct Issuer(EcdsaKeyPair);

impl Issuer {
    pub(super) fn new() -> Self {
        Self::publishing(&json!({}))
    }

    /// Everything that the policy's settings name is there, and the first question about the issuer is answered.
    pub(super) fn publishing(changes: &Value) -> Self {
        declare();
        let issuer = Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        testing::set_keys("login", &issuer.jwks());
        let usual = json!({
            "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/auth"), "token_endpoint": format!("{ISSUER}/token"),
            "userinfo_endpoint": format!("{ISSUER}/me"), "end_session_endpoint": format!("{ISSUER}/end"),
        });
        answer("login", 200, &with(usual, changes));
        issuer
    }

    pub(super) fn jwks(&self) -> String {
        let point = self.0.public_key().as_ref();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (number(&point[1..33]), number(&point[33..]));
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "one", "x": x, "y": y }] })
            .to_string()
    }

    pub(super) fn id_token(&self, changes: &Value) -> String {
        let usual =
            json!({ "iss": ISSUER, "aud": "shop", "sub": "ada", "iat": NOW, "exp": NOW + 6000 });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!(
            "{}.{}",
            part(&json!({ "alg": "ES256", "kid": "one" })),
            part(&with(usual, changes))
        );
        let signature = self
            .0
            .sign(&SystemRandom::new(), message.as_bytes())
            .unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The next answer of the token endpoint.
    pub(super) fn gives(&self, claims: &Value, changes: &Value) {
        let usual = json!({
            "access_token": "the-access-token", "token_type": "Bearer", "expires_in": 300,
            "refresh_token": "the-refresh-token", "id_token": self.id_token(claims),
        });
        answer("login-shop", 200, &with(usual, changes));
    }

    /// A browser that has logged in, with these claims and these tokens.
    pub(super) fn welcomes(&self, policy: &OidcLogin, claims: &Value, tokens: &Value) -> Browser {
        let mut browser = Browser::default();
        let question = browser.open(policy, "/").location();
        self.gives(&with(json!({ "nonce": nonce(&question) }), claims), tokens);
        let seen = browser.open(policy, &way_back(&question));
        assert_eq!(seen.outcome, "303 https://shop.example.com/");
        testing::take_http_requests("login-shop");
        browser
    }
}

/// All but keys and answers.
pub(super) fn declare() {
    testing::reset();
    testing::set_unix_seconds(NOW);
    testing::set_http_client("login", ISSUER);
    testing::set_http_client("login-shop", ISSUER);
    testing::set_keys("login", r#"{"keys":[]}"#);
    testing::set_secret("cookies", &[b"the newest of the keys"]);
}

pub(super) fn nonce(question: &Url) -> String {
    parameter(question, "nonce")
}

pub(super) fn answer(client: &str, status: u16, body: &Value) {
    let response = Response::builder()
        .status(status)
        .body(body.to_string().into_bytes());
    testing::answer_http(client, Ok(response.unwrap()));
}

fn with(mut usual: Value, changes: &Value) -> Value {
    let usual_fields = usual.as_object_mut().unwrap();
    usual_fields.extend(changes.as_object().unwrap().clone());
    usual_fields.retain(|_, value| !value.is_null());
    usual
}
