//! What `cargo xtask run` puts behind the gateway: orders, an issuer of tokens for them, and a gRPC bookstore.
//!
//! They listen on 127.0.0.1:9001, 9002 and 9003, or on the three addresses that are given as arguments, and say so.
//! With the arguments `descriptors FILE`, the descriptor set of a .proto file is written to standard output instead.

mod bookstore;
mod issuer;
mod orders;

use std::{convert::Infallible, io::Write, net::SocketAddr, rc::Rc};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

const ADDRESSES: [&str; 3] = ["127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"];

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "descriptors").is_some() {
        let file = arguments
            .next()
            .context("write the .proto file after `descriptors`")?;
        return Ok(std::io::stdout().write_all(&bookstore::descriptor_set(&file)?)?);
    }
    let [orders, issuer, books] =
        ADDRESSES.map(|default| arguments.next().unwrap_or_else(|| default.into()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let orders = listen("orders", &orders).await?;
        let issuer = listen("issuer", &issuer).await?;
        let books = listen("bookstore", &books).await?;
        let tokens = issuer::Issuer::new(issuer.local_addr()?)?;
        tokio::try_join!(
            serve(orders, orders::answer),
            serve(issuer, move |request| tokens.answer(request.uri().path())),
            bookstore::serve(books),
        )
    })?;
    Ok(())
}

async fn listen(name: &str, address: &str) -> anyhow::Result<TcpListener> {
    let address: SocketAddr = address
        .parse()
        .with_context(|| format!("{address} is no address; one is 127.0.0.1:9001"))?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    println!("{name} listens on {}", listener.local_addr()?);
    Ok(listener)
}

/// Serves HTTP/1.1.
async fn serve<F>(listener: TcpListener, answer: F) -> anyhow::Result<()>
where
    F: Fn(&Request<Incoming>) -> Response<Full<Bytes>> + 'static,
{
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
