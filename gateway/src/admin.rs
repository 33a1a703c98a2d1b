//! The administration listener: what runs, why it answers as it does, and a way to reload.

mod config;
mod descriptors;
mod explain;
mod files;
mod gates;
mod http_clients;
mod key_sets;
mod metrics;
mod openapi;
mod plugins;
mod rate_limits;
mod reload;
mod routes;
mod secrets;
mod upstreams;

use std::{convert::Infallible, io, net::SocketAddr, rc::Rc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};

use crate::app::Control;

type Answer = Response<Full<Bytes>>;

/// Slow clients must not hold handles for ever.
const HEAD: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// Binds the listener.
///
/// # Errors
/// When the address cannot be had.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, control: Rc<Control>) {
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => {
                tokio::task::spawn_local(connection(tcp, Rc::clone(&control)));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connection(tcp: TcpStream, control: Rc<Control>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&control, &request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(tcp), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "admin connection");
    }
}

/// Each path, or one that ends in `/` and what is below it, what it is asked with, and what answers.
type Endpoint = (
    &'static str,
    Method,
    fn(&Control, &Request<Incoming>) -> Answer,
);

const ENDPOINTS: [Endpoint; 18] = [
    ("/livez", Method::GET, |_, _| text(StatusCode::OK, "live\n")),
    ("/readyz", Method::GET, |control, _| ready(control)),
    ("/metrics", Method::GET, |control, _| {
        metrics::answer(control)
    }),
    ("/routes", Method::GET, |control, _| routes::answer(control)),
    ("/explain", Method::GET, explain::answer),
    (openapi::PATH, Method::GET, openapi::answer),
    ("/plugins", Method::GET, |control, _| {
        plugins::answer(control)
    }),
    ("/http-clients", Method::GET, |control, _| {
        http_clients::answer(control)
    }),
    ("/key-sets", Method::GET, |control, _| {
        key_sets::answer(control)
    }),
    ("/upstreams", Method::GET, |control, _| {
        upstreams::answer(control)
    }),
    ("/gates", Method::GET, |control, _| gates::answer(control)),
    (gates::PATH, Method::POST, gates::hold),
    ("/rate-limits", Method::GET, |control, _| {
        rate_limits::answer(control)
    }),
    ("/descriptors", Method::GET, |control, _| {
        descriptors::answer(control)
    }),
    ("/files", Method::GET, |control, _| files::answer(control)),
    ("/secrets", Method::GET, |control, _| {
        secrets::answer(control)
    }),
    ("/config", Method::GET, |control, _| config::answer(control)),
    ("/reload", Method::POST, |control, _| {
        reload::answer(control)
    }),
];

fn answer(control: &Control, request: &Request<Incoming>) -> Answer {
    let path = request.uri().path();
    let is_at = |known: &str| path == known || (known.ends_with('/') && path.starts_with(known));
    let Some((_, method, endpoint)) = ENDPOINTS.iter().find(|(known, ..)| is_at(known)) else {
        let known: Vec<_> = ENDPOINTS
            .iter()
            .map(|(path, method, _)| format!("{method} {path}\n"))
            .collect();
        return text(StatusCode::NOT_FOUND, known.concat());
    };
    if request.method() != method && !(*method == Method::GET && *request.method() == Method::HEAD)
    {
        let mut refused = text(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("use {method} {path}\n"),
        );
        if let Ok(allow) = HeaderValue::from_str(method.as_str()) {
            refused.headers_mut().insert(header::ALLOW, allow);
        }
        return refused;
    }
    endpoint(control, request)
}

fn ready(control: &Control) -> Answer {
    if control.is_ready() {
        text(StatusCode::OK, "ready\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", body.into())
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec_pretty(value) {
        Ok(mut body) => {
            body.push(b'\n');
            typed(status, "application/json", body.into())
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn typed(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
