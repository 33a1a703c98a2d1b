//! How a call ended (google.rpc.Status), and how that is told to an HTTP client.

mod details;
mod schema;

use std::time::Duration;

use percent_encoding::percent_decode;
use prost_reflect::DescriptorPool;
use witgate_plugin::Reply;

use crate::{
    code::Code,
    json::{base64, print_text},
    refusal::Refusal,
    settings::{ErrorFormat, ErrorSettings},
};
use details::Detail;

/// How a call ended, if not well.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) code: Code,
    pub(crate) message: String,
    details: Vec<Detail>,
    /// If it is not the code's own.
    http_status: Option<u16>,
    /// For `allow` and `accept` of refusals.
    fields: Vec<(&'static str, String)>,
}

impl Status {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
            http_status: None,
            fields: Vec::new(),
        }
    }

    pub(crate) fn with_http_status(self, status: u16) -> Self {
        Self {
            http_status: Some(status),
            ..self
        }
    }

    /// Reads `grpc-status`, `grpc-message` and `grpc-status-details-bin`. None if the call went well.
    pub(crate) fn from_fields(
        status: &[u8],
        message: Option<&[u8]>,
        details: Option<&[u8]>,
    ) -> Option<Self> {
        let number = std::str::from_utf8(status).ok();
        let number = number.and_then(|text| text.trim().parse::<i64>().ok());
        let code = number.map_or(Code::Unknown, Code::from_number);
        if code == Code::Ok {
            return None;
        }
        let message = message.map(|text| percent_decode(text).decode_utf8_lossy().into_owned());
        let mut ended = Self::new(code, message.unwrap_or_default());
        if let Some(bytes) = details.and_then(base64::decode) {
            let (message, details) = details::decode(&bytes);
            ended.details = details;
            if !message.is_empty() {
                ended.message = message;
            }
        }
        Some(ended)
    }

    /// For an answer that is no gRPC at all.
    pub(crate) fn from_http(status: u16, detail: Option<String>) -> Self {
        let detail = detail.unwrap_or_else(|| {
            format!("the upstream answered with HTTP status {status}, not with gRPC")
        });
        Self::new(Code::from_http_status(status), detail).with_http_status(status)
    }
}

impl From<Refusal> for Status {
    fn from(mut refusal: Refusal) -> Self {
        // They quote the request, which may be long.
        clip(&mut refusal.message);
        for violation in &mut refusal.violations {
            clip(&mut violation.field);
            clip(&mut violation.description);
        }
        let details = details::bad_request(&refusal.violations);
        let mut fields = Vec::new();
        if let Some(allow) = refusal.allow {
            fields.push(("allow", allow));
        }
        if let Some(accept) = refusal.accept {
            fields.push(("accept-post", accept.to_owned()));
        }
        Self {
            code: refusal.code,
            message: refusal.message,
            details: details.into_iter().collect(),
            http_status: Some(refusal.status),
            fields,
        }
    }
}

/// Leaves of a text what a person may want to read.
fn clip(text: &mut String) {
    const MOST: usize = 1_000;
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.push('…');
    }
}

/// Prints what went wrong as a route's configuration says.
#[derive(Debug)]
pub(crate) struct Errors {
    format: ErrorFormat,
    /// By code.
    statuses: [u16; 17],
    details: bool,
    challenge: Option<String>,
}

/// What an HTTP client is told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Told {
    pub(crate) fn reply(self) -> Reply {
        let reply = Reply::new(self.status).body(self.body);
        self.fields
            .into_iter()
            .fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

impl Errors {
    pub(crate) fn new(settings: &ErrorSettings) -> Self {
        let mut statuses = [0; 17];
        for number in 0..17u8 {
            let code = Code::from_number(number.into());
            let overridden = settings.statuses.get(code.name()).copied();
            statuses[usize::from(number)] = overridden.unwrap_or_else(|| code.http_status());
        }
        Self {
            format: settings.format,
            statuses,
            details: settings.details,
            challenge: settings.challenge.clone(),
        }
    }

    pub(crate) fn format(&self) -> ErrorFormat {
        self.format
    }

    fn http_status(&self, status: &Status) -> u16 {
        let own = self.statuses[usize::from(status.code.number())];
        status.http_status.unwrap_or(own)
    }

    /// As google.rpc.Status: `{"code":5,"message":"…","details":[…]}`.
    pub(crate) fn json(&self, status: &Status, pool: &DescriptorPool) -> String {
        let mut out = format!("{{\"code\":{}", status.code.number());
        if !status.message.is_empty() {
            out.push_str(",\"message\":");
            print_text(&status.message, &mut out);
        }
        self.print_details(status, pool, &mut out);
        out.push('}');
        out
    }

    fn print_details(&self, status: &Status, pool: &DescriptorPool, out: &mut String) {
        if !self.details || status.details.is_empty() {
            return;
        }
        out.push_str(",\"details\":[");
        for (index, detail) in status.details.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            detail.print(pool, out);
        }
        out.push(']');
    }

    /// A problem document (RFC 9457).
    fn problem(&self, status: &Status, http_status: u16, pool: &DescriptorPool) -> String {
        let info = status.details.iter().find_map(Detail::error_info);
        let mut out = String::from("{\"type\":");
        match info
            .filter(|_| self.details)
            .and_then(|info| info.problem_type())
        {
            Some(uri) => print_text(&uri, &mut out),
            None => out.push_str("\"about:blank\""),
        }
        out.push_str(",\"title\":");
        print_text(title(http_status), &mut out);
        out.push_str(&format!(",\"status\":{http_status}"));
        if !status.message.is_empty() {
            out.push_str(",\"detail\":");
            print_text(&status.message, &mut out);
        }
        out.push_str(",\"code\":");
        print_text(
            &status.code.name().to_ascii_lowercase().replace('_', "-"),
            &mut out,
        );
        self.print_details(status, pool, &mut out);
        out.push('}');
        out
    }

    /// The whole answer; `pool` knows the types of details.
    pub(crate) fn tell(&self, status: &Status, format: ErrorFormat, pool: &DescriptorPool) -> Told {
        let http_status = self.http_status(status);
        let (media_type, body) = match format {
            ErrorFormat::Status => ("application/json", self.json(status, pool)),
            ErrorFormat::Problem => (
                "application/problem+json",
                self.problem(status, http_status, pool),
            ),
        };
        let mut fields = vec![("content-type", media_type.to_owned())];
        fields.extend(status.fields.iter().cloned());
        if let Some(delay) = status.details.iter().find_map(Detail::retry_delay) {
            fields.push(("retry-after", whole_seconds(delay)));
        }
        if http_status == 401 {
            fields.push(("www-authenticate", self.challenge(status)));
        }
        Told {
            status: http_status,
            fields,
            body: body.into_bytes(),
        }
    }

    /// A 401 has one (RFC 9110 section 15.5.2), but never made of the text that is for people.
    fn challenge(&self, status: &Status) -> String {
        let info = status.details.iter().find_map(Detail::error_info);
        info.and_then(|info| info.challenge())
            .or_else(|| self.challenge.clone())
            .unwrap_or_else(|| String::from("Bearer"))
    }
}

/// Rounded up: too early is worse than too late.
fn whole_seconds(delay: Duration) -> String {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    seconds.to_string()
}

/// The reason phrase (RFC 9110 section 15).
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        499 => "Client Closed Request",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        status if status >= 500 => "Server Error",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests;
