//! Every way to be turned away, and the answer to each (RFC 6750 section 3, RFC 9457).

use witgate_jose::Fault;
use witgate_plugin::{Reply, challenge::Realm};

use crate::scopes::Scopes;

/// Why a request goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Several,
    TooLong,
    Malformed,
    Algorithm,
    UnknownKey,
    Signature,
    Expired,
    NotYetValid,
    IssuedInFuture,
    Kind,
    Issuer,
    Audience,
    ClaimMissing,
    Unprintable,
    Scope,
    Requirement,
    NoKeys,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLong => Self::TooLong,
            Fault::Malformed => Self::Malformed,
            Fault::Algorithm => Self::Algorithm,
            Fault::UnknownKey => Self::UnknownKey,
            Fault::NoKeys => Self::NoKeys,
            Fault::Signature => Self::Signature,
        }
    }
}

impl Refusal {
    /// The code for programs, and what people are told. No detail helps to guess a token.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("token-missing", "This needs a token."),
            Self::Several => ("token-ambiguous", "There is more than one token."),
            Self::TooLong => ("token-too-long", "The token is too long."),
            Self::Malformed => ("token-malformed", "The token is malformed."),
            Self::Algorithm => (
                "token-algorithm-refused",
                "The algorithm of the token is not accepted here.",
            ),
            Self::UnknownKey => ("token-key-unknown", "The key of the token is not known."),
            Self::Signature => (
                "token-signature-invalid",
                "The signature of the token is not valid.",
            ),
            Self::Expired => ("token-expired", "The token has expired."),
            Self::NotYetValid => ("token-not-yet-valid", "The token is not valid yet."),
            Self::IssuedInFuture => (
                "token-issued-in-future",
                "The token was issued in the future.",
            ),
            Self::Kind => (
                "token-type-refused",
                "Tokens of this type are not accepted here.",
            ),
            Self::Issuer => (
                "token-issuer-refused",
                "The issuer of the token is not accepted here.",
            ),
            Self::Audience => ("token-audience-refused", "The token is for somebody else."),
            Self::ClaimMissing => ("token-claim-missing", "The token lacks a required claim."),
            Self::Unprintable => (
                "token-claim-unprintable",
                "A claim of the token cannot be passed on.",
            ),
            Self::Scope => ("token-scope-missing", "The token lacks a required scope."),
            Self::Requirement => (
                "token-claims-insufficient",
                "What the token says is not enough here.",
            ),
            Self::NoKeys => (
                "token-keys-unavailable",
                "Tokens cannot be checked at the moment.",
            ),
        }
    }

    /// Of what kind it is, for breakers and for whoever counts; the code says more.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Missing => "token-missing",
            Self::Expired => "token-expired",
            Self::Scope | Self::Requirement => "access-denied",
            Self::NoKeys => "issuer-unavailable",
            _ => "token-invalid",
        }
    }

    pub(crate) fn code(self) -> &'static str {
        self.texts().0
    }

    pub(crate) fn reply(self, realm: &Realm, scopes: &Scopes) -> Reply {
        let (code, detail) = self.texts();
        let challenge = realm.challenge("Bearer");
        let (status, challenge) = match self {
            // Without an error code (RFC 6750 section 3.1).
            Self::Missing => (401, challenge),
            Self::Scope => {
                let challenge = challenge.error("insufficient_scope", detail);
                (403, challenge.with("scope", &scopes.listed()))
            }
            Self::Requirement => (403, challenge.error("insufficient_scope", detail)),
            Self::NoKeys => {
                return Reply::problem(503, code, detail)
                    .header("cache-control", "no-store")
                    .header("retry-after", "10");
            }
            _ => (401, challenge.error("invalid_token", detail)),
        };
        challenge.reply(status, code, detail)
    }
}
