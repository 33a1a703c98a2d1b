//! Every way to be turned away, and the answer to each (RFC 7617 section 2, RFC 9457).

use witgate_plugin::{Reply, challenge::Realm};

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

    pub(crate) fn reply(self, realm: &Realm) -> Reply {
        let (code, detail) = self.texts();
        if self == Self::Busy {
            return Reply::problem(503, code, detail)
                .header("cache-control", "no-store")
                .header("retry-after", "1");
        }
        let challenge = realm.challenge("Basic").with("charset", "UTF-8");
        challenge.reply(401, code, detail)
    }
}
