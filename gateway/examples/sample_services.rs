//! What `cargo xtask run` puts behind the gateway: a service with orders, and an issuer of tokens for it.
//!
//! Orders, on 127.0.0.1:9001: `/orders`, `/orders/{id}`. Issuer, on 127.0.0.1:9002: `/jwks.json`, and `/token`
//! gives a token to whoever asks, for an hour: a demonstration, not a login.

use std::{
    convert::Infallible,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{self, KeyPair as _},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const ORDERS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9001);
const ISSUER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9002);
const ITEMS: [&str; 3] = ["lamp", "chair", "table"];

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let issuer = Rc::new(Issuer::new()?);
    tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::try_join!(
            serve(ORDERS, orders),
            serve(ISSUER, move |request| issuer.answer(request.uri().path())),
        )
    })?;
    Ok(())
}

async fn serve<F>(address: SocketAddr, answer: F) -> anyhow::Result<()>
where
    F: Fn(&Request<Incoming>) -> Response<Full<Bytes>> + 'static,
{
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let answer = Rc::new(answer);
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = Rc::clone(&answer);
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| {
                let response = answer(&request);
                async { Ok::<_, Infallible>(response) }
            });
            // A connection that breaks off is the client's affair.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn orders(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/orders" {
        let orders = ITEMS
            .iter()
            .enumerate()
            .map(|(index, item)| order(index, item))
            .collect::<Vec<_>>();
        return reply(StatusCode::OK, &json!(orders));
    }
    let found = path
        .strip_prefix("/orders/")
        .and_then(|id| id.parse::<usize>().ok())
        .and_then(|id| {
            let index = id.checked_sub(1)?;
            ITEMS.get(index).map(|item| order(index, item))
        });
    let Some(mut order) = found else {
        return reply(
            StatusCode::NOT_FOUND,
            &json!({ "error": "there is no such order; there are 1 to 3" }),
        );
    };
    let field = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    order["asked-by"] = json!(field("x-customer"));
    order["request-id"] = json!(field("x-request-id"));
    reply(StatusCode::OK, &order)
}

fn order(index: usize, item: &str) -> Value {
    json!({ "id": index + 1, "item": item })
}

fn reply(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    plain(status, "application/json", format!("{value}\n"))
}

fn plain(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// Signs tokens with a key of this run.
struct Issuer {
    key: KeyPair,
    jwks: Value,
}

impl Issuer {
    fn new() -> anyhow::Result<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048)?;
        let public = key.public_key();
        let number = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let jwks = json!({ "keys": [{
            "kty": "RSA",
            "kid": "demo",
            "alg": "RS256",
            "use": "sig",
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
        }] });
        Ok(Self { key, jwks })
    }

    fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        match path {
            "/jwks.json" => reply(StatusCode::OK, &self.jwks),
            "/token" => match self.token() {
                Ok(token) => plain(StatusCode::OK, "text/plain", format!("{token}\n")),
                Err(error) => plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "text/plain",
                    format!("{error}\n"),
                ),
            },
            _ => reply(
                StatusCode::NOT_FOUND,
                &json!({ "error": "there are /jwks.json and /token" }),
            ),
        }
    }

    /// A JWT (RFC 7519) signed with RS256.
    fn token(&self) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let expires = now + Duration::from_secs(3600);
        let claims = json!({
            "iss": format!("http://{ISSUER}"),
            "aud": "orders",
            "sub": "alice",
            "iat": now.as_secs(),
            "exp": expires.as_secs(),
        });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!(
            "{}.{}",
            part(&json!({ "alg": "RS256", "kid": "demo", "typ": "JWT" })),
            part(&claims)
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(
            &signature::RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        )?;
        Ok(format!(
            "{message}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}
