//! What becomes of a request, and the answers to those that go no further.

use std::rc::Rc;

use witgate_plugin::{Reply, log};

use crate::sessions::Open;

/// What becomes of a request.
pub(crate) struct Decision {
    /// The session that it goes on with, or what it is answered.
    pub(crate) session: Result<Rc<Open>, Reply>,
    /// Values of `set-cookie`.
    pub(crate) cookies: Vec<String>,
    /// Kinds of failure, for the access log and those who weigh failures.
    pub(crate) notes: Vec<&'static str>,
}

impl Decision {
    pub(crate) fn admit(open: Rc<Open>, cookies: Vec<String>) -> Self {
        Self {
            session: Ok(open),
            cookies,
            notes: Vec::new(),
        }
    }

    pub(crate) fn answer(reply: Reply, cookies: Vec<String>) -> Self {
        Self {
            session: Err(reply),
            cookies,
            notes: Vec::new(),
        }
    }

    pub(crate) fn redirect(to: &str, cookies: Vec<String>) -> Self {
        Self::answer(Reply::new(303).header("location", to), cookies)
    }

    pub(crate) fn refuse(refusal: Refusal, cookies: Vec<String>) -> Self {
        log::info!("refused: {}", refusal.code());
        Self::answer(refusal.reply(), cookies).noting(refusal.note())
    }

    pub(crate) fn noting(mut self, note: &'static str) -> Self {
        self.notes.push(note);
        self
    }
}

/// Why a request goes no further, redirects aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No session, and no navigation that could be sent to the issuer.
    LoginRequired,
    /// What came back from the issuer belongs to no login that this browser began, or to one that is over.
    State,
    /// It was answered before.
    Replayed,
    /// It does not come from the issuer that was asked.
    Issuer,
    /// The issuer let the user go without a login.
    Denied,
    Code,
    IdToken,
    /// The rule does not hold.
    Rule,
    /// Its claims make no identity, or more than cookies can hold.
    Unusable,
    /// Another site asks for the logout.
    ForeignLogout,
    Unavailable,
}

impl Refusal {
    fn code(self) -> &'static str {
        self.texts().1
    }

    /// Status, code for programs, and what people are told.
    fn texts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::LoginRequired => (401, "login-required", "This needs a login."),
            Self::State => (
                400,
                "login-state-refused",
                "This login was not begun here, or long ago. Open the page that you wanted again.",
            ),
            Self::Replayed => (
                400,
                "login-replayed",
                "This login is complete already. Open the page that you wanted again.",
            ),
            Self::Issuer => (
                400,
                "login-issuer-refused",
                "This login comes from somebody else than was asked.",
            ),
            Self::Denied => (403, "login-denied", "The login was not granted."),
            Self::Code => (
                400,
                "login-code-refused",
                "The issuer does not accept this login any more. Open the page that you wanted again.",
            ),
            Self::IdToken => (
                403,
                "login-id-token-refused",
                "What the issuer says of you cannot be believed.",
            ),
            Self::Rule => (403, "login-rule-refused", "You may not open this."),
            Self::Unusable => (
                403,
                "login-claims-unusable",
                "What the issuer says of you cannot be used here.",
            ),
            Self::ForeignLogout => (
                403,
                "logout-refused",
                "Another site cannot log you out. Open this address yourself.",
            ),
            Self::Unavailable => (
                503,
                "login-unavailable",
                "Logins are not possible at the moment.",
            ),
        }
    }

    fn note(self) -> &'static str {
        match self {
            Self::LoginRequired => "login-required",
            Self::State | Self::Replayed | Self::Issuer | Self::Code => "login-refused",
            Self::IdToken | Self::Unusable => "token-invalid",
            Self::Denied | Self::Rule => "access-denied",
            Self::ForeignLogout => "logout-refused",
            Self::Unavailable => "issuer-unavailable",
        }
    }

    fn reply(self) -> Reply {
        let (status, code, detail) = self.texts();
        let reply = Reply::problem(status, code, detail);
        match self {
            Self::LoginRequired => reply.header("www-authenticate", "Cookie"),
            Self::Unavailable => reply.header("retry-after", "2"),
            _ => reply,
        }
    }
}
