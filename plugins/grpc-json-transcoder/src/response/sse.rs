//! Server-sent events (WHATWG HTML section 9.2).

use std::{fmt::Write as _, time::Duration};

use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};

use crate::settings::SseSettings;

/// What says nothing but that the connection is alive.
pub(super) const COMMENT: &str = ":\n\n";

/// How messages become events.
#[derive(Debug)]
pub(crate) struct Sse {
    id: Vec<String>,
    event: Event,
    retry: Option<Duration>,
    /// Whether the head goes out before the first message.
    pub(super) opening: bool,
    /// After how long a silence a comment is sent.
    pub(super) keep_alive: Option<Duration>,
}

#[derive(Debug)]
enum Event {
    None,
    Named(String),
    Field(Vec<String>),
}

impl Sse {
    pub(crate) fn new(settings: &SseSettings) -> Self {
        let path = |path: &str| path.split('.').map(str::to_owned).collect();
        Self {
            id: settings.id.as_deref().map(path).unwrap_or_default(),
            event: match &settings.event {
                None => Event::None,
                Some(event) => match event.strip_prefix('=') {
                    Some(name) => Event::Named(name.to_owned()),
                    None => Event::Field(path(event)),
                },
            },
            retry: settings.retry.map(|retry| retry.0),
            opening: settings.opening_comment,
            keep_alive: Some(settings.keep_alive.0).filter(|after| !after.is_zero()),
        }
    }

    /// What comes before the first event.
    pub(super) fn begin(&self, out: &mut String) {
        if self.opening {
            out.push_str(COMMENT);
        }
        if let Some(retry) = self.retry {
            let _ = write!(out, "retry: {}\n\n", retry.as_millis());
        }
    }

    /// Whether fields of the message say what its event is.
    pub(super) fn reads_fields(&self) -> bool {
        !self.id.is_empty() || matches!(self.event, Event::Field(_))
    }

    /// What comes before the data of a message, which is given if its fields are read.
    pub(super) fn open(&self, message: Option<&DynamicMessage>, out: &mut String) {
        if let Some(id) = message.and_then(|message| text_at(message, &self.id)) {
            // An id with a NUL would be ignored, and a line break would end it.
            line("id", &id, out);
        }
        match &self.event {
            Event::None => {}
            Event::Named(name) => line("event", name, out),
            Event::Field(path) => {
                if let Some(name) = message.and_then(|message| text_at(message, path)) {
                    line("event", &name, out);
                }
            }
        }
        out.push_str("data: ");
    }

    pub(super) fn close(out: &mut String) {
        out.push_str("\n\n");
    }
}

fn line(field: &str, value: &str, out: &mut String) {
    out.push_str(field);
    out.push_str(": ");
    out.extend(
        value
            .chars()
            .filter(|character| !matches!(character, '\n' | '\r' | '\0')),
    );
    out.push('\n');
}

/// The field at the end of the path, if it is one that is written in a line and is set.
fn text_at(message: &DynamicMessage, path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let descriptor = message.descriptor();
    let field = descriptor
        .get_field_by_name(first)
        .or_else(|| descriptor.get_field_by_json_name(first))?;
    if !message.has_field(&field) {
        return None;
    }
    let value = message.get_field(&field);
    Some(match &*value {
        Value::Message(inner) if !rest.is_empty() => return text_at(inner, rest),
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(descriptor) => match descriptor.get_value(*number) {
                Some(value) => value.name().to_owned(),
                None => number.to_string(),
            },
            _ => number.to_string(),
        },
        _ => return None,
    })
}
