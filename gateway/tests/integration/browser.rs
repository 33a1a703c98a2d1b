//! gRPC-Web from a real browser: npm's connect-web and grpc-web in headless Chromium, on a page of another origin.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{
    chromium::Chromium,
    client::{Content, full},
    descriptors,
    gateway::{Gateway, Setup},
    samples::Samples,
    soon, tools, upstream,
};

const PAGE: &str = "<!doctype html><script type=module src=/bundle.js></script>";

/// The server of the page, and what the page says that it has seen.
struct Origin {
    address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Value>,
}

impl Origin {
    async fn serve() -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let bundle = tokio::task::spawn_blocking(tools::browser_bundle);
        let bundle = Bytes::from(bundle.await.unwrap());
        let descriptors = Bytes::from(descriptors::bookstore());
        let address = upstream::serve(move |request| {
            let (sender, bundle, descriptors) =
                (sender.clone(), bundle.clone(), descriptors.clone());
            async move {
                match request.uri().path() {
                    "/" => file("text/html", PAGE),
                    "/bundle.js" => file("text/javascript", bundle),
                    "/bookstore.pb" => file("application/octet-stream", descriptors),
                    "/seen" => {
                        let _ = sender.send(read(request).await);
                        file("text/plain", "")
                    }
                    _ => Response::builder().status(404).body(full("")).unwrap(),
                }
            }
        });
        Self {
            address: address.await,
            seen,
        }
    }
}

fn file(kind: &str, content: impl Into<Bytes>) -> Response<Content> {
    let response = Response::builder().header("content-type", kind);
    response.body(full(content)).unwrap()
}

async fn read(request: Request<Incoming>) -> Value {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

async fn gateway(samples: &Samples, origin: &str) -> Gateway {
    let yaml = format!(
        "upstreams: {{ bookstore: {{ endpoints: ['http://{}'], protocol: http2 }} }}\n\
         routes:\n  - name: books\n    match: {{ grpc: bookstore.v1.Bookstore }}\n    \
         cors: {{ allow-origins: '{origin}', allow-headers: [content-type, grpc-timeout, x-customer, x-grpc-web, x-user-agent] }}\n    \
         to: bookstore\n",
        samples.bookstore
    );
    Setup::new().routes(&yaml).start().await
}

/// What a page of this origin sees of the bookstore behind the gateway.
async fn visit(origin: &mut Origin, host: &str, gateway: &Gateway) -> Value {
    let page = format!(
        "http://{host}:{}/?gateway=http://{}",
        origin.address.port(),
        gateway.address()
    );
    let _browser = Chromium::launch(&page).await;
    soon("the page's word", origin.seen.recv()).await.unwrap()
}

#[tokio::test]
async fn a_browser_calls_the_bookstore() {
    let mut origin = Origin::serve().await;
    let samples = Samples::start();
    let gateway = gateway(&samples, &format!("http://{}", origin.address)).await;
    let seen = visit(&mut origin, "127.0.0.1", &gateway).await;
    let missing = "there is no book nothing on the shelf crime";
    let expected = json!({
        "connect": {
            "unary": "The Moonstone",
            "missing": ["NotFound", missing, true],
            "stream": ["gaudy-night", "moonstone", "connect"],
        },
        "text": {
            "unary": "The Moonstone",
            "missing": [5, missing],
            "stream": ["sonnets", "grpc-web"],
        },
        "binary": { "unary": "The Moonstone", "missing": [5, missing] },
    });
    assert_eq!(seen, expected);
}

/// The same server under another name is another origin (RFC 6454), and that one is not on the list.
#[tokio::test]
async fn a_page_of_an_origin_that_is_not_allowed_sees_nothing() {
    let mut origin = Origin::serve().await;
    let samples = Samples::start();
    let gateway = gateway(&samples, &format!("http://{}", origin.address)).await;
    let seen = visit(&mut origin, "localhost", &gateway).await;
    for client in ["connect", "text", "binary"] {
        assert!(seen[client]["failed"].is_string(), "{seen}");
    }
}
