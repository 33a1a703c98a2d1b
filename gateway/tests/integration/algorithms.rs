//! Every family of signatures through the jwt-auth component, with keys from a file.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA512,
        RSA_PSS_SHA256, RsaEncoding,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{
    components, eventually,
    gateway::{Gateway, Setup},
    issuer::{now, rsa_numbers},
};

const SECRET: &[u8] = b"thirty-two bytes that are secret";

/// One key of each type, by its id.
struct Keys {
    rsa: RsaKeyPair,
    elliptic: EcdsaKeyPair,
    edwards: Ed25519KeyPair,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Keys {
    fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            elliptic: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            edwards: Ed25519KeyPair::generate().unwrap(),
        }
    }

    fn jwks(&self) -> String {
        let (n, e) = rsa_numbers(&self.rsa);
        // An uncompressed point: 4, x, y.
        let point = self.elliptic.public_key().as_ref();
        let keys = json!([
            { "kid": "rsa", "kty": "RSA", "n": n, "e": e },
            { "kid": "elliptic", "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) },
            { "kid": "edwards", "kty": "OKP", "crv": "Ed25519", "x": text(self.edwards.public_key()) },
            { "kid": "shared", "kty": "oct", "k": text(SECRET) },
        ]);
        json!({ "keys": keys }).to_string()
    }

    fn sign_rsa(&self, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        let random = SystemRandom::new();
        self.rsa
            .sign(padding, &random, message, &mut signature)
            .unwrap();
        signature
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        match algorithm {
            "RS512" => self.sign_rsa(&RSA_PKCS1_SHA512, message),
            "PS256" => self.sign_rsa(&RSA_PSS_SHA256, message),
            "ES256" => {
                let signature = self.elliptic.sign(&SystemRandom::new(), message);
                signature.unwrap().as_ref().to_vec()
            }
            "EdDSA" => self.edwards.sign(message).as_ref().to_vec(),
            "HS256" => with_secret(SECRET, message),
            other => panic!("no key is for {other}"),
        }
    }

    fn token(&self, algorithm: &str, key: &str) -> String {
        let message = message(algorithm, key);
        let signature = self.sign(algorithm, message.as_bytes());
        format!("{message}.{}", text(signature))
    }
}

fn with_secret(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// Header and claims of a good token.
fn message(algorithm: &str, key: &str) -> String {
    let header = json!({ "alg": algorithm, "kid": key });
    let claims = json!({ "iss": "https://issuer.test", "exp": now() + 600 });
    let part = |value: Value| text(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

async fn protected(keys: &Keys, more: &str) -> Gateway {
    let component = components::shipped("jwt-auth");
    Setup::new()
        .file("jwks.json", keys.jwks())
        .settings(&format!(
            "plugins: {{ jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }} }}\n\
             key-sets: {{ login: {{ file: jwks.json }} }}",
            component.display()
        ))
        .routes(&format!(
            "routes: [{{ name: a, plugins: [{{ jwt-auth: {{ keys: login, issuer: 'https://issuer.test'{more} }} }}], respond: {{}} }}]"
        ))
        .start()
        .await
}

const PAIRS: [(&str, &str); 4] = [
    ("RS512", "rsa"),
    ("PS256", "rsa"),
    ("ES256", "elliptic"),
    ("EdDSA", "edwards"),
];

#[tokio::test]
async fn every_family_opens_the_route_with_its_own_key_only() {
    let (keys, strangers) = (Keys::new(), Keys::new());
    let gateway = protected(&keys, "").await;
    for (algorithm, key) in PAIRS {
        let good = keys.token(algorithm, key);
        assert_eq!(gateway.status_with_token(&good).await, 200, "{algorithm}");
        let forged = strangers.token(algorithm, key);
        assert_eq!(gateway.status_with_token(&forged).await, 401, "{algorithm}");
        for other in ["rsa", "elliptic", "edwards", "shared"] {
            if other != key {
                let crossed = keys.token(algorithm, other);
                let answer = gateway.status_with_token(&crossed).await;
                assert_eq!(answer, 401, "{algorithm} with {other}");
            }
        }
    }
}

/// A shared secret counts only where the route says so, and a public key is never taken for one.
#[tokio::test]
async fn a_shared_secret_must_be_asked_for() {
    let keys = Keys::new();
    let token = keys.token("HS256", "shared");
    let gateway = protected(&keys, "").await;
    assert_eq!(gateway.status_with_token(&token).await, 401);
    let gateway = protected(&keys, ", algorithms: [RS512, HS256]").await;
    assert_eq!(gateway.status_with_token(&token).await, 200);
    assert_eq!(
        gateway.status_with_token(&keys.token("RS512", "rsa")).await,
        200
    );
    assert_eq!(
        gateway
            .status_with_token(&keys.token("ES256", "elliptic"))
            .await,
        401
    );
    let message = message("HS256", "rsa");
    let public = keys.rsa.public_key().as_ref();
    let (n, _) = rsa_numbers(&keys.rsa);
    for secret in [public, n.as_bytes()] {
        let forged = text(with_secret(secret, message.as_bytes()));
        let answer = gateway
            .status_with_token(&format!("{message}.{forged}"))
            .await;
        assert_eq!(answer, 401);
    }
}

#[tokio::test]
async fn a_replaced_file_of_keys_is_live_without_a_restart() {
    let (old, new) = (Keys::new(), Keys::new());
    let gateway = protected(&old, "").await;
    let (before, after) = (
        old.token("ES256", "elliptic"),
        new.token("EdDSA", "edwards"),
    );
    assert_eq!(gateway.status_with_token(&before).await, 200);
    assert_eq!(gateway.status_with_token(&after).await, 401);
    gateway.write("jwks.json", new.jwks());
    eventually("the new keys", || async {
        gateway.status_with_token(&after).await == 200
    })
    .await;
    assert_eq!(gateway.status_with_token(&before).await, 401);
    // What is no key set leaves the keys that were there.
    gateway.write("jwks.json", "{ \"keys\": [");
    gateway
        .log
        .wait_for("the bad file", |line| {
            line["level"] != "INFO" && line.to_string().contains("jwks.json")
        })
        .await;
    assert_eq!(gateway.status_with_token(&after).await, 200);
}
