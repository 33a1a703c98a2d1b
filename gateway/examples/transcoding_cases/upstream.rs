//! The one upstream of all cases: records each call, and answers what its case says.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpListener, sync::Notify};

type Content = UnsyncBoxBody<Bytes, std::io::Error>;

/// What the upstream answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) status: u16,
    pub(crate) fields: HeaderMap,
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
    /// Answers with the message that came.
    pub(crate) echoes: bool,
    /// Never answers.
    pub(crate) is_slow: bool,
}

/// What came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) path: String,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Of the messages that are complete.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) ended: bool,
}

#[derive(Default)]
struct Shared {
    plans: Mutex<HashMap<String, Plan>>,
    recorded: Mutex<HashMap<String, Recorded>>,
    news: Notify,
}

#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Upstream {
    /// Speaks HTTP/2 with prior knowledge.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let upstream = Self {
            address: listener.local_addr()?,
            shared: Arc::default(),
        };
        let serving = upstream.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let upstream = serving.clone();
                let service = service_fn(move |request| {
                    let upstream = upstream.clone();
                    async move { Ok::<_, Infallible>(upstream.answer(request).await) }
                });
                tokio::spawn(async move {
                    // A connection that breaks off is the gateway's affair.
                    let _ = http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(upstream)
    }

    pub(crate) fn expect(&self, name: &str, plan: Plan) {
        lock(&self.shared.plans).insert(name.to_owned(), plan);
        lock(&self.shared.recorded).remove(name);
    }

    pub(crate) fn recorded(&self, name: &str) -> Option<Recorded> {
        lock(&self.shared.recorded).get(name).cloned()
    }

    /// Waits until so many messages have come.
    pub(crate) async fn received(&self, name: &str, messages: usize) {
        loop {
            let news = self.shared.news.notified();
            if self
                .recorded(name)
                .is_some_and(|seen| seen.messages.len() >= messages)
            {
                return;
            }
            news.await;
        }
    }

    fn record(&self, name: &str, change: impl FnOnce(&mut Recorded)) {
        change(
            lock(&self.shared.recorded)
                .entry(name.to_owned())
                .or_default(),
        );
        self.shared.news.notify_waiters();
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Content> {
        let (head, mut body) = request.into_parts();
        let name = head
            .headers
            .get("x-case")
            .and_then(|name| name.to_str().ok());
        let name = name.unwrap_or_default().to_owned();
        let plan = lock(&self.shared.plans)
            .get(&name)
            .cloned()
            .unwrap_or_default();
        self.record(&name, |recorded| {
            recorded.path = head.uri.path().to_owned();
            recorded.fields = head.headers;
        });
        let mut rest = BytesMut::new();
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(data) = frame.into_data() {
                rest.extend_from_slice(&data);
                let messages = std::iter::from_fn(|| message(&mut rest)).collect::<Vec<_>>();
                self.record(&name, |recorded| {
                    recorded.body.extend_from_slice(&data);
                    recorded.messages.extend(messages);
                });
            }
        }
        self.record(&name, |recorded| recorded.ended = true);
        if plan.is_slow {
            // Longer than any case waits.
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let echoed = plan.echoes.then(|| self.recorded(&name)).flatten();
        respond(plan, echoed.map(|recorded| recorded.body))
    }
}

/// Takes one length-prefixed message from the beginning.
fn message(bytes: &mut BytesMut) -> Option<Vec<u8>> {
    let length = bytes.get(1..5)?;
    let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
    if bytes.len() < 5 + length {
        return None;
    }
    bytes.advance(5);
    Some(bytes.split_to(length).to_vec())
}

fn respond(plan: Plan, echoed: Option<Vec<u8>>) -> Response<Content> {
    let pieces = match echoed {
        Some(body) => vec![Bytes::from(body)],
        None => plan.pieces,
    };
    let data = pieces.into_iter().map(Frame::data);
    let trailers = plan.trailers.map(Frame::trailers);
    let frames: Vec<_> = data.chain(trailers).map(Ok).collect();
    // Each piece by itself, as a service sends what it has.
    let frames = stream::iter(frames).then(|frame| async {
        tokio::task::yield_now().await;
        frame
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = plan.status.try_into().unwrap_or_default();
    *response.headers_mut() = plan.fields;
    response
}

pub(crate) fn put(fields: &mut HeaderMap, name: &str, value: &str) -> anyhow::Result<()> {
    fields.append(
        http::HeaderName::from_bytes(name.as_bytes())?,
        HeaderValue::from_bytes(value.as_bytes())?,
    );
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
