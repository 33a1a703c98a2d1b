//! google.api.HttpBody: a body of any type, as it is.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// Content of any type.
pub(crate) struct HttpBody {
    /// None if the message has none, or none that a header field can hold.
    pub(crate) content_type: Option<String>,
    pub(crate) data: Vec<u8>,
}

/// The message, with `content_type` if that is given.
pub(crate) fn message(
    descriptor: &MessageDescriptor,
    content_type: Option<&str>,
    data: &[u8],
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    if let Some(content_type) = content_type {
        let content_type = Value::String(content_type.to_owned());
        let _ = message.try_set_field_by_number(1, content_type);
    }
    let data = Value::Bytes(data.to_vec().into());
    let _ = message.try_set_field_by_number(2, data);
    message
}

/// The type of the field at the end of `path`, or the message's own.
pub(crate) fn descriptor(
    message: &MessageDescriptor,
    path: &[FieldDescriptor],
) -> MessageDescriptor {
    match path.last().map(FieldDescriptor::kind) {
        Some(Kind::Message(inner)) => inner,
        _ => message.clone(),
    }
}

/// What the field at the end of `path` holds.
pub(crate) fn of(message: &DynamicMessage, path: &[FieldDescriptor]) -> HttpBody {
    if let [first, rest @ ..] = path {
        let inner = message.get_field(first);
        return match inner.as_message() {
            Some(inner) => of(inner, rest),
            None => HttpBody {
                content_type: None,
                data: Vec::new(),
            },
        };
    }
    let content_type = message.get_field_by_number(1);
    let content_type = content_type.as_deref().and_then(Value::as_str);
    let data = message.get_field_by_number(2);
    let data = data.as_deref().and_then(Value::as_bytes);
    let printable = |text: &&str| {
        !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'\t' | 0x20..0x7F))
    };
    HttpBody {
        content_type: content_type.filter(printable).map(str::to_owned),
        data: data.map(|bytes| bytes.to_vec()).unwrap_or_default(),
    }
}
