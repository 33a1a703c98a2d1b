//! One check of one endpoint, on a connection of its own: that it can be had is part of being well.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::task::{AbortHandle, spawn_local};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
};

use super::{
    super::{
        super::{executor::LocalExecutor, grpc},
        compile::{Endpoint, Protocol, Upstream},
        connect::{Connected, connect},
        form,
    },
    Ask,
};

const CHECK: &str = "/grpc.health.v1.Health/Check";
/// More than an answer needs.
const LONGEST: usize = 64 * 1024;
/// The length-prefix of a gRPC message.
const PREFIX: usize = 5;

type Question = Request<Full<Bytes>>;

/// Whether the endpoint is well; why not, for the operator.
pub(super) async fn probe(
    upstream: &Upstream,
    endpoint: &Endpoint,
    ask: &Ask,
) -> Result<(), String> {
    let connected = connect(upstream, endpoint).await;
    let connected = connected.map_err(|error| error.to_string())?;
    let secure = matches!(upstream.protocol, Protocol::Tls(_));
    let question = question(ask, endpoint);
    let (response, _driver) = send(connected, question, secure)
        .await
        .map_err(|error| format!("no answer: {error}"))?;
    match ask {
        Ask::Http { .. } if response.status().is_success() => Ok(()),
        Ask::Http { .. } => Err(format!("the answer was {}", response.status())),
        Ask::Grpc { .. } => judge(response).await,
    }
}

fn question(ask: &Ask, endpoint: &Endpoint) -> Question {
    let (mut request, fields) = match ask {
        Ask::Http { path } => {
            let mut request = Request::new(Full::default());
            *request.uri_mut() = path.clone().into();
            (request, None)
        }
        Ask::Grpc { service } => {
            let mut request = Request::new(Full::new(message(service)));
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = http::Uri::from_static(CHECK);
            (request, Some(["application/grpc", "trailers"]))
        }
    };
    let headers = request.headers_mut();
    headers.insert(header::HOST, endpoint.authority.clone());
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static("witgate-health"),
    );
    if let Some([kind, te]) = fields {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::TE, HeaderValue::from_static(te));
    }
    request
}

fn message(service: &str) -> Bytes {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let length = request.encoded_len();
    let mut message = BytesMut::with_capacity(PREFIX + length);
    message.put_u8(0);
    // A name in a configuration is never that long.
    message.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.put_slice(&request.encode_to_vec());
    message.freeze()
}

/// Drives a connection until it is dropped.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Driver {
    fn of(connection: impl Future + 'static) -> Self {
        let driving = async {
            connection.await;
        };
        Self(spawn_local(driving).abort_handle())
    }
}

async fn send(
    connected: Connected,
    mut question: Question,
    secure: bool,
) -> hyper::Result<(Response<Incoming>, Driver)> {
    let io = TokioIo::new(connected.io);
    if connected.http2 {
        form::for_http2(&mut question, secure);
        let (mut sender, connection) = http2::handshake(LocalExecutor, io).await?;
        let driver = Driver::of(connection);
        Ok((sender.send_request(question).await?, driver))
    } else {
        form::for_http1(&mut question);
        let (mut sender, connection) = http1::handshake(io).await?;
        let driver = Driver::of(connection);
        Ok((sender.send_request(question).await?, driver))
    }
}

async fn judge(response: Response<Incoming>) -> Result<(), String> {
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        return Err(format!("the answer was {}", head.status));
    }
    let body = Limited::new(body, LONGEST).collect().await;
    let body = body.map_err(|error| format!("no whole answer: {error}"))?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    ok(&head.headers, &trailers)?;
    let body = body.to_bytes();
    let message = body.get(PREFIX..).unwrap_or_default();
    match HealthCheckResponse::decode(message) {
        Ok(answer) if answer.status() == ServingStatus::Serving => Ok(()),
        Ok(answer) => Err(format!("the answer was {}", answer.status().as_str_name())),
        Err(error) => Err(format!("the answer was no health: {error}")),
    }
}

/// Whether the call's status is OK.
fn ok(headers: &HeaderMap, trailers: &HeaderMap) -> Result<(), String> {
    let find = |name| headers.get(&name).or_else(|| trailers.get(&name));
    let text = |name| {
        let value = find(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    match text(grpc::GRPC_STATUS).as_str() {
        "0" => Ok(()),
        "" => Err(String::from("the call had no status")),
        status => Err(format!(
            "the call failed with status {status}: {}",
            text(grpc::GRPC_MESSAGE)
        )),
    }
}
