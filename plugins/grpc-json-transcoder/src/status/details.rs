//! The details of a status: messages of any type, of which some mean something to HTTP.

use std::time::Duration;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, MessageDescriptor, Value};

use super::schema;
use crate::{
    json::{PrintOptions, Printer},
    refusal::Violation,
    settings::PrintSettings,
};

const PREFIX: &str = "type.googleapis.com/";
/// Of messages within a detail.
const DEPTH: u16 = 32;

/// A message packed as google.protobuf.Any is.
#[derive(Clone, Debug)]
pub(super) struct Detail {
    url: String,
    value: Vec<u8>,
}

/// What google.rpc.ErrorInfo says.
pub(super) struct ErrorInfo {
    reason: String,
    domain: String,
    challenge: Option<String>,
}

/// Message and details of a google.rpc.Status; nothing if that cannot be decoded.
pub(super) fn decode(bytes: &[u8]) -> (String, Vec<Detail>) {
    let decoded = schema::pool()
        .get_message_by_name("google.rpc.Status")
        .and_then(|status| DynamicMessage::decode(status, bytes).ok());
    let Some(status) = decoded else {
        return (String::new(), Vec::new());
    };
    let details = status.get_field_by_name("details");
    let details = details.as_deref().and_then(Value::as_list);
    let details = details
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_message)
        .map(|any| Detail {
            url: text(any, "type_url"),
            value: any
                .get_field_by_name("value")
                .and_then(|value| value.as_bytes().map(|bytes| bytes.to_vec()))
                .unwrap_or_default(),
        })
        .collect();
    (text(&status, "message"), details)
}

/// A google.rpc.BadRequest; none without violations.
pub(super) fn bad_request(violations: &[Violation]) -> Option<Detail> {
    if violations.is_empty() {
        return None;
    }
    let pool = schema::pool();
    let name = "google.rpc.BadRequest";
    let violation = pool.get_message_by_name("google.rpc.BadRequest.FieldViolation")?;
    let mut message = DynamicMessage::new(pool.get_message_by_name(name)?);
    let violations = violations.iter().map(|found| {
        let mut printed = DynamicMessage::new(violation.clone());
        let _ = printed.try_set_field_by_name("field", Value::String(found.field.clone()));
        let description = Value::String(found.description.clone());
        let _ = printed.try_set_field_by_name("description", description);
        Value::Message(printed)
    });
    let violations = Value::List(violations.collect());
    let _ = message.try_set_field_by_name("field_violations", violations);
    Some(Detail {
        url: format!("{PREFIX}{name}"),
        value: message.encode_to_vec(),
    })
}

impl Detail {
    #[cfg(test)]
    pub(super) fn new(url: &str, value: &[u8]) -> Self {
        Self {
            url: url.to_owned(),
            value: value.to_vec(),
        }
    }

    fn type_name(&self) -> &str {
        let url = self.url.as_str();
        url.rsplit_once('/').map_or(url, |(_, name)| name)
    }

    fn known(&self, name: &str) -> Option<DynamicMessage> {
        if self.type_name() != name {
            return None;
        }
        let descriptor = schema::pool().get_message_by_name(name)?;
        DynamicMessage::decode(descriptor, self.value.as_slice()).ok()
    }

    pub(super) fn error_info(&self) -> Option<ErrorInfo> {
        let info = self.known("google.rpc.ErrorInfo")?;
        let challenge = info.get_field_by_name("metadata").and_then(|metadata| {
            let key = MapKey::String(String::from("www-authenticate"));
            let value = metadata.as_map()?.get(&key)?.as_str()?;
            let printable = |byte: &u8| (0x20..0x7F).contains(byte);
            value
                .as_bytes()
                .iter()
                .all(printable)
                .then(|| value.to_owned())
        });
        Some(ErrorInfo {
            reason: text(&info, "reason"),
            domain: text(&info, "domain"),
            challenge,
        })
    }

    /// Of google.rpc.RetryInfo.
    pub(super) fn retry_delay(&self) -> Option<Duration> {
        let info = self.known("google.rpc.RetryInfo")?;
        let delay = info.get_field_by_name("retry_delay")?;
        let delay = delay.as_message()?;
        let seconds = delay.get_field_by_name("seconds")?.as_i64()?;
        let nanos = delay.get_field_by_name("nanos")?.as_i32()?;
        Some(Duration::new(
            u64::try_from(seconds).ok()?,
            u32::try_from(nanos).ok()?,
        ))
    }

    /// As JSON with `@type`; of types that nobody knows the bytes.
    pub(super) fn print(&self, pool: &DescriptorPool, out: &mut String) {
        let descriptor = self.descriptor(pool);
        let options = PrintOptions::new(&PrintSettings::default(), DEPTH);
        let start = out.len();
        let mut printer = Printer::into_buffer(std::mem::take(out), options);
        let printed = printer.packed(&self.url, &self.value, descriptor);
        *out = printer.finish();
        if printed.is_err() {
            out.truncate(start);
            let mut printer = Printer::into_buffer(std::mem::take(out), options);
            // Without its type there is nothing in it that could not be printed.
            let _ = printer.packed(&self.url, &self.value, None);
            *out = printer.finish();
        }
    }

    fn descriptor(&self, pool: &DescriptorPool) -> Option<MessageDescriptor> {
        let name = self.type_name();
        pool.get_message_by_name(name)
            .or_else(|| schema::pool().get_message_by_name(name))
    }
}

impl ErrorInfo {
    /// A URI for the kind of problem.
    pub(super) fn problem_type(&self) -> Option<String> {
        let plain = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        };
        (plain(&self.domain) && plain(&self.reason))
            .then(|| format!("https://{}/{}", self.domain, self.reason))
    }

    /// What the service wants for `www-authenticate`.
    pub(super) fn challenge(self) -> Option<String> {
        self.challenge
    }
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message
        .get_field_by_name(field)
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
