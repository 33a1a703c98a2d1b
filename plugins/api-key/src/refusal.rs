//! Every way to be turned away, and the answer to each (RFC 9110 section 15.5, RFC 9457).

use witgate_plugin::{Reply, challenge::Realm};

/// Why a request goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Several,
    TooLong,
    Unknown,
    Expired,
    Scope,
}

impl Refusal {
    /// The code for programs, and what people are told.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("key-missing", "This needs an API key."),
            Self::Several => ("key-ambiguous", "There is more than one API key."),
            Self::TooLong => ("key-too-long", "The API key is too long."),
            Self::Unknown => ("key-unknown", "The API key is not known."),
            Self::Expired => ("key-expired", "The API key has expired."),
            Self::Scope => ("key-scope-missing", "The API key lacks a required scope."),
        }
    }

    /// Of what kind it is, for breakers and for whoever counts; the code says more.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Missing => "credentials-missing",
            Self::Scope => "access-denied",
            _ => "credentials-invalid",
        }
    }

    pub(crate) fn code(self) -> &'static str {
        self.texts().0
    }

    /// `scheme`: what the client has to write, as RFC 9110 section 11.6.1 asks for.
    pub(crate) fn reply(self, scheme: &str, realm: &Realm) -> Reply {
        let (code, detail) = self.texts();
        if self == Self::Scope {
            return Reply::problem(403, code, detail).header("cache-control", "no-store");
        }
        realm.challenge(scheme).reply(401, code, detail)
    }
}
