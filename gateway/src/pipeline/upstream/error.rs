//! Why an upstream did not answer.

use std::{io, sync::Arc, time::Duration};

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
    #[error("the HTTP handshake failed: {0}")]
    Handshake(#[source] hyper::Error),
    #[error("no whole response came: {0}")]
    Exchange(#[source] hyper::Error),
}

impl ErrorKind {
    /// The request has certainly not been processed: it may be sent elsewhere.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Tls(_) | Self::ConnectTimeout(_) | Self::Handshake(_) => true,
            Self::Exchange(error) => refused(error),
        }
    }
}

/// The peer says that it did not look at the request (RFC 9113 section 8.7).
fn refused(error: &hyper::Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<h2::Error>())
        .and_then(h2::Error::reason)
        == Some(h2::Reason::REFUSED_STREAM)
}
