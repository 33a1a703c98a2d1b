//! A token, and how all workers share it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a server says beyond that is no time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A token that the server gave.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// Both on the gateway's monotonic clock: setting the other one ends no token.
    pub(crate) obtained: Duration,
    pub(crate) end: Duration,
}

impl Token {
    /// `asked`: when the request for it began, so that it ends here before it ends at the server.
    pub(crate) fn new(text: String, asked: Duration, lifetime: Duration) -> Self {
        // One that is over at once would be asked for without end.
        let lifetime = lifetime.clamp(Duration::from_secs(1), LONGEST);
        Self {
            text,
            obtained: asked,
            end: asked + lifetime,
        }
    }

    /// From when on there shall be another.
    pub(crate) fn due(&self, renew_before: Duration) -> Duration {
        let lifetime = self.end.saturating_sub(self.obtained);
        self.end.saturating_sub(renew_before.min(lifetime / 2))
    }
}

impl std::fmt::Debug for Token {
    /// Not the token itself.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("obtained", &self.obtained)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Failure {
    /// The server cannot be reached, is slow, or answers what is no answer.
    Unavailable,
    /// The server answered that it gives none (RFC 6749 section 5.2).
    Refused,
}

impl Failure {
    pub(crate) fn note(self) -> &'static str {
        match self {
            Self::Unavailable => "issuer-unavailable",
            Self::Refused => "credentials-invalid",
        }
    }
}

/// What workers share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Found {
    Token(Token),
    /// For a short while, so that not everybody asks in vain.
    Failed(Failure),
}
