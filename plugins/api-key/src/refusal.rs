//! Every way to be turned away, and the answer to each (RFC 9110 section 15.5, RFC 9457).

use witgate_plugin::Reply;

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
    pub(crate) fn reply(self, scheme: &str, realm: &str) -> Reply {
        let (code, detail) = self.texts();
        let status = if self == Self::Scope { 403 } else { 401 };
        let reply = Reply::problem(status, code, detail).header("cache-control", "no-store");
        if self == Self::Scope {
            return reply;
        }
        let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
        reply.header("www-authenticate", format!("{scheme} realm=\"{realm}\""))
    }
}
