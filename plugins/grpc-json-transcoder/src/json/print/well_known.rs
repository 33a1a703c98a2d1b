//! The types of google/protobuf that JSON writes in a way of their own.

use std::borrow::Cow;

use prost_reflect::{DynamicMessage, MapKey, MessageDescriptor, ReflectMessage as _, Value};

use super::{
    super::{
        base64,
        read::{snake_case, written_as_value},
        time,
    },
    Printer, Result, Unprintable, print_text, text,
};

impl Printer {
    /// `name` is what follows `google.protobuf.`; false if JSON writes that type like any other.
    pub(super) fn well_known(&mut self, name: &str, message: &DynamicMessage) -> Result<bool> {
        match name {
            "Any" => self.any(message)?,
            "Timestamp" => self.time(message, time::write_timestamp, "timestamp")?,
            "Duration" => self.time(message, time::write_duration, "duration")?,
            "FieldMask" => self.field_mask(message)?,
            "Struct" => self.structure(message)?,
            "Value" => self.value(message)?,
            "ListValue" => self.list_value(message)?,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
            | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => {
                if let Some(field) = message.descriptor().get_field(1) {
                    let value = message.get_field(&field);
                    self.single(&field.kind(), &value)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn time(
        &mut self,
        message: &DynamicMessage,
        write: fn(i64, i32, &mut String) -> bool,
        what: &str,
    ) -> Result {
        let seconds = field(message, 1).and_then(|value| value.as_i64());
        let nanos = field(message, 2).and_then(|value| value.as_i32());
        let (seconds, nanos) = (seconds.unwrap_or_default(), nanos.unwrap_or_default());
        self.out.push('"');
        if !write(seconds, nanos, &mut self.out) {
            let message = format!("a {what} of {seconds} s and {nanos} ns is out of range");
            return Err(Unprintable(message));
        }
        self.out.push('"');
        Ok(())
    }

    fn field_mask(&mut self, message: &DynamicMessage) -> Result {
        let paths = field(message, 1);
        let paths = paths.as_deref().and_then(Value::as_list);
        let mut printed = String::new();
        for path in paths.unwrap_or_default().iter().filter_map(Value::as_str) {
            let camel = camel_case(path);
            if snake_case(&camel).as_deref() != Some(path) {
                let message = format!("the path `{path}` of a field mask is not in snake_case");
                return Err(Unprintable(message));
            }
            if !printed.is_empty() {
                printed.push(',');
            }
            printed.push_str(&camel);
        }
        print_text(&printed, &mut self.out);
        Ok(())
    }

    fn structure(&mut self, message: &DynamicMessage) -> Result {
        let fields = field(message, 1);
        let mut members: Vec<(&str, &Value)> = fields
            .as_deref()
            .and_then(Value::as_map)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| match key {
                MapKey::String(key) => Some((key.as_str(), value)),
                _ => None,
            })
            .collect();
        members.sort_unstable_by_key(|(key, _)| *key);
        self.enter('{')?;
        let mut first = true;
        for (key, value) in members {
            self.next(&mut first);
            self.name(key);
            if let Some(value) = value.as_message() {
                self.value(value)?;
            }
        }
        self.leave(first, '}');
        Ok(())
    }

    fn list_value(&mut self, message: &DynamicMessage) -> Result {
        let values = field(message, 1);
        let values = values.as_deref().and_then(Value::as_list);
        self.enter('[')?;
        let mut first = true;
        for value in values.into_iter().flatten().filter_map(Value::as_message) {
            self.next(&mut first);
            self.value(value)?;
        }
        self.leave(first, ']');
        Ok(())
    }

    fn value(&mut self, message: &DynamicMessage) -> Result {
        // One of a oneof; none of them is no value at all, which is nearest to null.
        let Some((field, value)) = message.fields().next() else {
            self.out.push_str("null");
            return Ok(());
        };
        match (field.number(), value) {
            (2, Value::F64(number)) if !number.is_finite() => Err(Unprintable(String::from(
                "a google.protobuf.Value cannot hold NaN or Infinity",
            ))),
            (2, Value::F64(number)) => {
                text::print_float(*number, *number, &mut self.out);
                Ok(())
            }
            (5, Value::Message(object)) => self.structure(object),
            (6, Value::Message(list)) => self.list_value(list),
            (_, value) => self.single(&field.kind(), value),
        }
    }

    fn any(&mut self, message: &DynamicMessage) -> Result {
        let url = field(message, 1);
        let url = url.as_deref().and_then(Value::as_str).unwrap_or_default();
        let bytes = field(message, 2);
        let bytes = bytes.as_deref().and_then(Value::as_bytes);
        let bytes = bytes.map(AsRef::<[u8]>::as_ref).unwrap_or_default();
        if url.is_empty() && bytes.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        let name = url.rsplit_once('/').map_or(url, |(_, name)| name);
        let inner = message.descriptor().parent_pool().get_message_by_name(name);
        self.packed(url, bytes, inner)
    }

    /// What google.protobuf.Any holds, with the type if that is known.
    pub(crate) fn packed(
        &mut self,
        url: &str,
        bytes: &[u8],
        inner: Option<MessageDescriptor>,
    ) -> Result {
        let inner = inner.and_then(|inner| DynamicMessage::decode(inner, bytes).ok());
        self.enter('{')?;
        let mut first = true;
        self.next(&mut first);
        self.name("@type");
        print_text(url, &mut self.out);
        match inner {
            Some(inner) if written_as_value(&inner.descriptor()) => {
                self.next(&mut first);
                self.name("value");
                self.message(&inner)?;
            }
            Some(inner) => self.members(&inner, &mut first)?,
            // A type that nobody declared: its bytes are better than nothing.
            None => {
                self.next(&mut first);
                self.name("value");
                self.out.push('"');
                base64::encode_into(bytes, &mut self.out);
                self.out.push('"');
            }
        }
        self.leave(first, '}');
        Ok(())
    }
}

fn field(message: &DynamicMessage, number: u32) -> Option<Cow<'_, Value>> {
    message.get_field_by_number(number)
}

/// `foo_bar.baz` as `fooBar.baz`.
fn camel_case(path: &str) -> String {
    let mut camel = String::with_capacity(path.len());
    let mut upper = false;
    for character in path.chars() {
        match character {
            '_' => upper = true,
            lower if upper => {
                camel.push(lower.to_ascii_uppercase());
                upper = false;
            }
            other => camel.push(other),
        }
    }
    camel
}
