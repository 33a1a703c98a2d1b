//! An issuer of JSON Web Tokens, with keys that a test can change.

use std::{
    future::{Ready, ready},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{self, KeyPair as _},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use tokio_rustls::TlsAcceptor;

use super::{
    client::{Content, full},
    upstream,
};

/// Publishes its keys over HTTP.
pub(crate) struct Issuer {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    jwks: Mutex<Option<Value>>,
    asked: AtomicUsize,
}

impl Issuer {
    pub(crate) async fn with(keys: &[&Key]) -> Self {
        let state = State::of(keys);
        let served = Arc::clone(&state);
        let address = upstream::serve(move |_| served.answer()).await;
        Self { address, state }
    }

    pub(crate) async fn over_tls(keys: &[&Key], acceptor: TlsAcceptor) -> Self {
        let state = State::of(keys);
        let served = Arc::clone(&state);
        let address = upstream::serve_tls(acceptor, move |_| served.answer()).await;
        Self { address, state }
    }

    /// From now on these keys; none at all means that it is out of order.
    pub(crate) fn publish(&self, keys: Option<&[&Key]>) {
        *self.state.jwks.lock().unwrap() = keys.map(jwks);
    }

    /// How often its keys were fetched.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::Relaxed)
    }
}

impl State {
    fn of(keys: &[&Key]) -> Arc<Self> {
        Arc::new(Self {
            jwks: Mutex::new(Some(jwks(keys))),
            asked: AtomicUsize::new(0),
        })
    }

    fn answer(&self) -> Ready<Response<Content>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let jwks = self.jwks.lock().unwrap().clone();
        ready(match jwks {
            Some(jwks) => Response::new(full(jwks.to_string())),
            None => Response::builder()
                .status(StatusCode::SERVICE_UNAVAILABLE)
                .body(full(""))
                .unwrap(),
        })
    }
}

pub(crate) fn jwks(keys: &[&Key]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>() })
}

/// A signing key.
pub(crate) struct Key {
    id: &'static str,
    pair: KeyPair,
}

impl Key {
    pub(crate) fn new(id: &'static str) -> Self {
        Self {
            id,
            pair: KeyPair::generate(KeySize::Rsa2048).unwrap(),
        }
    }

    fn public(&self) -> Value {
        let (n, e) = rsa_numbers(&self.pair);
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": n, "e": e })
    }

    /// A token with this header and these claims, whatever they say.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &signature::RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// A good token with these claims changed.
    pub(crate) fn token(&self, changes: &Value) -> String {
        let mut claims = json!({ "iss": "https://issuer.test", "aud": "orders", "sub": "alice", "exp": now() + 600 });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.sign(
            &json!({ "alg": "RS256", "typ": "JWT", "kid": self.id }),
            &claims,
        )
    }
}

/// Modulus and exponent of a key of 2048 bits, as a JWK has them.
pub(crate) fn rsa_numbers(pair: &KeyPair) -> (String, String) {
    // RFC 8017 section A.1.1: the modulus begins at byte 9, the exponent at byte 267.
    let public = pair.public_key().as_ref();
    let number = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    (number(&public[9..265]), number(&public[267..270]))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}
