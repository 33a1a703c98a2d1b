//! Why keys could not be fetched: a kind for the counters, and words for people.

use std::fmt;

/// One attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// Without secrets. What a server sent is escaped and cut in it.
    message: String,
}

/// The label `reason` of `witgate_key_set_fetch_failures_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No such name, or nobody listens there.
    Unreachable,
    /// The handshake failed, or the certificate is not to be trusted.
    Tls,
    /// The whole answer was not there in time.
    Timeout,
    /// The connection broke, or what came is not HTTP.
    Broken,
    /// Not 200.
    Status,
    /// The keys, or the description of the issuer, are elsewhere.
    Redirect,
    TooLarge,
    /// A page for people, or anything else that is not the JSON that was asked for.
    Malformed,
    /// The description is that of another issuer.
    WrongIssuer,
    /// The description leads to where keys must not come from.
    UnsafeUrl,
    /// There are keys, and not one of them can check a signature.
    NoUsableKey,
}

impl Kind {
    pub(super) const ALL: [Self; 11] = [
        Self::Unreachable,
        Self::Tls,
        Self::Timeout,
        Self::Broken,
        Self::Status,
        Self::Redirect,
        Self::TooLarge,
        Self::Malformed,
        Self::WrongIssuer,
        Self::UnsafeUrl,
        Self::NoUsableKey,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Status => "status",
            Self::Redirect => "redirect",
            Self::TooLarge => "too-large",
            Self::Malformed => "malformed",
            Self::WrongIssuer => "wrong-issuer",
            Self::UnsafeUrl => "unsafe-url",
            Self::NoUsableKey => "no-usable-key",
        }
    }
}

impl Failure {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Says of what the message speaks.
    pub(super) fn of(self, what: &str) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What somebody else wrote, as it may stand in a log: escaped, and not too much of it.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut cut = text.chars().take(LONGEST).collect::<String>();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("`{}`", cut.escape_debug())
}
