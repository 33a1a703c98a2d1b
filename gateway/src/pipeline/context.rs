//! What the stages share about one request.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::HeaderValue;

use super::identity::Certificate;

/// What is known about an exchange besides its head. Made by `protocol`, read by all.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The id of the exchange: the client's `x-request-id` where it is trusted, else made here.
    pub id: HeaderValue,
    /// The client, after trusted proxies have been taken into account.
    pub client: SocketAddr,
    /// Over TLS.
    pub secure: bool,
    /// A gRPC call (`content-type: application/grpc…`): errors become trailers-only responses.
    pub grpc: bool,
    /// The client's certificate, where the listener asks for one.
    pub certificate: Option<Arc<Certificate>>,
}

/// A whole response made in the gateway: by a plugin, a `respond` action or an error.
pub type LocalResponse = http::Response<Bytes>;

/// In the extensions of a response that a plugin gave in the place of the one that was there.
#[derive(Clone, Copy, Debug)]
pub struct Replaced;

/// Who is at fault for an error (DESIGN: one table from error to answer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    Client,
    Upstream,
    Plugin,
    Gateway,
}
