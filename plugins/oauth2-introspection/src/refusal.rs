//! Every way to be turned away, and the answer to each (RFC 6750 section 3, RFC 9457).

use witgate_plugin::{Reply, challenge::Realm};

/// Why a request goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Several,
    TooLong,
    Malformed,
    Inactive,
    Expired,
    NotYetValid,
    Issuer,
    Audience,
    /// Its claims make no identity.
    Unusable,
    Scope,
    Rule,
    /// The server does not say whether it is active.
    NoAnswer,
}

impl Refusal {
    /// The code for programs.
    pub(crate) fn code(self) -> &'static str {
        self.texts().0
    }

    /// What people are told. No detail helps to guess a token.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("token-missing", "This needs a token."),
            Self::Several => ("token-ambiguous", "There is more than one token."),
            Self::TooLong => ("token-too-long", "The token is too long."),
            Self::Malformed => ("token-malformed", "The token is malformed."),
            Self::Inactive => ("token-inactive", "The token is not active."),
            Self::Expired => ("token-expired", "The token has expired."),
            Self::NotYetValid => ("token-not-yet-valid", "The token is not valid yet."),
            Self::Issuer => (
                "token-issuer-refused",
                "The issuer of the token is not accepted here.",
            ),
            Self::Audience => ("token-audience-refused", "The token is for somebody else."),
            Self::Unusable => (
                "token-claims-unusable",
                "What is known of the token cannot be used here.",
            ),
            Self::Scope => ("token-scope-missing", "The token lacks a required scope."),
            Self::Rule => ("token-rule-refused", "The token does not permit this."),
            Self::NoAnswer => (
                "introspection-unavailable",
                "Tokens cannot be checked at the moment.",
            ),
        }
    }

    /// The kind of failure, for the access log and those who weigh failures.
    pub(crate) fn note(self) -> &'static str {
        match self {
            Self::Missing => "token-missing",
            Self::Expired => "token-expired",
            Self::Scope | Self::Rule => "access-denied",
            Self::NoAnswer => "introspection-failed",
            _ => "token-invalid",
        }
    }

    pub(crate) fn reply(self, realm: &Realm, scopes: &[String]) -> Reply {
        let (code, detail) = self.texts();
        let challenge = realm.challenge("Bearer");
        let (status, challenge) = match self {
            // Without an error code (RFC 6750 section 3.1).
            Self::Missing => (401, challenge),
            Self::Scope => {
                let challenge = challenge.error("insufficient_scope", detail);
                (403, challenge.with("scope", &scopes.join(" ")))
            }
            Self::Rule => (403, challenge.error("insufficient_scope", detail)),
            Self::NoAnswer => {
                return Reply::problem(503, code, detail)
                    .header("cache-control", "no-store")
                    .header("retry-after", "2");
            }
            _ => (401, challenge.error("invalid_token", detail)),
        };
        challenge.reply(status, code, detail)
    }
}
