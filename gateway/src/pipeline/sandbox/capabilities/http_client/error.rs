//! Why a request has no answer: a kind for the plugin, and words for the gateway's log.

use crate::pipeline::sandbox::bindings::http_client as wit;

/// The texts never contain what was sent.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the request cannot be sent: {0}")]
    Invalid(String),
    #[error("it has as many requests in flight as `max-in-flight` allows")]
    Busy,
    #[error("{0}")]
    Unreachable(String),
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    #[error("no whole answer within its `timeout`")]
    Timeout,
    #[error("the answer is longer than its `max-response`")]
    TooLarge,
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("it is declared no more")]
    Gone,
}

impl Error {
    /// The label in metrics.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Busy => "busy",
            Self::Unreachable(_) => "unreachable",
            Self::Tls(_) => "tls",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::Broken(_) => "broken",
            Self::Gone => "gone",
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(what) => Self::Invalid(what),
            Error::Busy => Self::Busy,
            Error::Unreachable(_) => Self::Unreachable,
            Error::Tls(_) => Self::Tls,
            Error::Timeout => Self::Timeout,
            Error::TooLarge => Self::TooLarge,
            Error::Broken(_) => Self::Broken,
            Error::Gone => Self::Gone,
        }
    }
}
