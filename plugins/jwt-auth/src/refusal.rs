//! Every way to be turned away, and the answer to each (RFC 6750 section 3, RFC 9457).

use witgate_jose::Fault;
use witgate_plugin::Reply;

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

    pub(crate) fn reply(self, realm: &str, scopes: &Scopes) -> Reply {
        let (code, detail) = self.texts();
        let status = match self {
            Self::Scope | Self::Requirement => 403,
            Self::NoKeys => 503,
            _ => 401,
        };
        let reply = Reply::problem(status, code, detail).header("cache-control", "no-store");
        if self == Self::NoKeys {
            return reply.header("retry-after", "10");
        }
        reply.header("www-authenticate", self.challenge(realm, scopes))
    }

    /// Without an error code when there was no token (RFC 6750 section 3.1).
    fn challenge(self, realm: &str, scopes: &Scopes) -> String {
        let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
        let mut challenge = format!("Bearer realm=\"{realm}\"");
        let (_, detail) = self.texts();
        let description = detail.trim_end_matches('.');
        match self {
            Self::Missing => {}
            Self::Scope => challenge.push_str(&format!(
                ", error=\"insufficient_scope\", error_description=\"{description}\", scope=\"{}\"",
                scopes.listed()
            )),
            Self::Requirement => challenge.push_str(&format!(
                ", error=\"insufficient_scope\", error_description=\"{description}\""
            )),
            _ => challenge.push_str(&format!(
                ", error=\"invalid_token\", error_description=\"{description}\""
            )),
        }
        challenge
    }
}
