//! Every way to be turned away, and the answer to each (RFC 7617 section 2, RFC 9457).

use witgate_plugin::Reply;

/// Why a request goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Malformed,
    /// The user, or the password: which of them, nobody is told.
    Wrong,
    /// As many passwords are being checked as may.
    Busy,
}

impl Refusal {
    /// The code for programs, and what people are told.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("password-missing", "This needs a user name and a password."),
            Self::Malformed => ("password-malformed", "The credentials are malformed."),
            Self::Wrong => ("password-wrong", "The user name or the password is wrong."),
            Self::Busy => (
                "password-checks-busy",
                "Too many passwords are being checked.",
            ),
        }
    }

    /// Of what kind it is, for breakers and for whoever counts; the code says more.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Missing => "credentials-missing",
            Self::Malformed | Self::Wrong => "credentials-invalid",
            Self::Busy => "credentials-unchecked",
        }
    }

    pub(crate) fn code(self) -> &'static str {
        self.texts().0
    }

    pub(crate) fn reply(self, realm: &str) -> Reply {
        let (code, detail) = self.texts();
        let status = if self == Self::Busy { 503 } else { 401 };
        let reply = Reply::problem(status, code, detail).header("cache-control", "no-store");
        if self == Self::Busy {
            return reply.header("retry-after", "1");
        }
        let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
        let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
        reply.header("www-authenticate", challenge)
    }
}
