//! What clients get while the circuit is open.

use std::collections::BTreeMap;

use witgate_plugin::{Reply, config, config::Problem, fields};

use super::pointer;

/// What clients get while the circuit is open: exactly one of `respond` and `to`.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Fallback {
    /// A fixed response.
    pub(crate) respond: Option<Respond>,
    /// The answer of this upstream.
    pub(crate) to: Option<String>,
}

/// A fixed response.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Respond {
    /// 200 to 599. Default: 503.
    pub(crate) status: Option<u16>,
    /// As it is sent; `content-type` is `text/plain; charset=utf-8` unless `headers` says otherwise.
    pub(crate) body: Option<String>,
    /// Fields of the response.
    pub(crate) headers: BTreeMap<String, String>,
}

/// The same, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 503, or UNAVAILABLE.
    Unavailable,
    Respond(Reply),
    Upstream(String),
}

impl Answer {
    pub(crate) fn new(fallback: Option<Fallback>, problems: &mut Vec<Problem>) -> Self {
        let Some(fallback) = fallback else {
            return Self::Unavailable;
        };
        match (fallback.respond, fallback.to) {
            (Some(respond), None) => Self::Respond(respond.reply(problems)),
            (None, Some(upstream)) => Self::Upstream(upstream),
            _ => {
                let message = "write `respond` or `to`, and one of them only";
                problems.push(Problem::at("/fallback", message));
                Self::Unavailable
            }
        }
    }
}

impl Respond {
    fn reply(self, problems: &mut Vec<Problem>) -> Reply {
        let status = self.status.unwrap_or(503);
        if !(200..=599).contains(&status) {
            let message = "this is no status of a response; write 200 to 599";
            problems.push(Problem::at("/fallback/respond/status", message));
        }
        let mut reply = Reply::new(status);
        let is_type = |name: &String| name.eq_ignore_ascii_case("content-type");
        if self.body.is_some() && !self.headers.keys().any(is_type) {
            reply = reply.header("content-type", "text/plain; charset=utf-8");
        }
        for (name, value) in self.headers {
            if let Some(message) = complaint(&name, &value) {
                let place = pointer(&["fallback", "respond", "headers", &name]);
                problems.push(Problem::at(place, message));
            }
            reply = reply.header(&name, value);
        }
        reply.body(self.body.unwrap_or_default())
    }
}

/// RFC 9110 section 5.
fn complaint(name: &str, value: &str) -> Option<&'static str> {
    if !fields::is_token(name) {
        return Some("this is no name of a header field");
    }
    let plain = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7F);
    (!value.bytes().all(plain)).then_some("this is no value of a header field")
}
