//! Why an upstream did not answer.

use std::{io, sync::Arc, time::Duration};

use super::super::{body::in_full, gate::FailedTry};

/// An upstream did not answer.
#[derive(Debug, thiserror::Error)]
#[error("upstream `{upstream}` at {endpoint}: {kind}")]
pub struct Error {
    pub upstream: Arc<str>,
    pub endpoint: Arc<str>,
    #[source]
    pub kind: ErrorKind,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    #[error("could not connect: {0}")]
    Connect(#[source] io::Error),
    #[error("TLS failed: {0}")]
    Tls(#[source] io::Error),
    #[error("no connection after {0:?}")]
    ConnectTimeout(Duration),
    #[error("the HTTP handshake failed: {}", in_full(.0))]
    Handshake(#[source] hyper::Error),
    #[error("no endpoint is healthy")]
    Unhealthy,
    #[error("a gate is open for every endpoint")]
    Gated,
    #[error("no whole response came: {}", in_full(.0))]
    Exchange(#[source] hyper::Error),
}

impl ErrorKind {
    /// The request has certainly not been processed: it may be sent elsewhere.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Tls(_)
            | Self::ConnectTimeout(_)
            | Self::Handshake(_)
            | Self::Unhealthy
            | Self::Gated => true,
            Self::Exchange(error) => refused(error),
        }
    }

    /// The same for the gates of endpoints; none when no endpoint was asked.
    pub fn how(&self) -> Option<FailedTry> {
        match self {
            Self::Connect(_) | Self::Tls(_) | Self::Handshake(_) => Some(FailedTry::Unreachable),
            Self::ConnectTimeout(_) => Some(FailedTry::ConnectTimeout),
            Self::Exchange(_) => Some(FailedTry::Reset),
            Self::Unhealthy | Self::Gated => None,
        }
    }
}

/// The peer says that it did not look at the request (RFC 9113 section 8.7): it refuses the stream, or goes away and
/// names an earlier one as its last. h2 ends only such streams with the peer's GOAWAY.
fn refused(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let Some(error) = source.and_then(|source| source.downcast_ref::<h2::Error>()) else {
        return false;
    };
    error.reason() == Some(h2::Reason::REFUSED_STREAM) || (error.is_go_away() && error.is_remote())
}
