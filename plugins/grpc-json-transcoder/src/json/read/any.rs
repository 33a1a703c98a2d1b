//! google.protobuf.Any: `{"@type": URL, …}`, with the types that the pool knows.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};

use super::{Reader, Result, Seen};

impl Reader<'_> {
    pub(super) fn any(&mut self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        let mut any = DynamicMessage::new(descriptor.clone());
        let Some(url) = self.type_url()? else {
            return Ok(any);
        };
        let inner = self.inner_type(descriptor, &url)?;
        let message = if written_as_value(&inner) {
            self.value_member(&inner)?
        } else {
            self.own_members(&inner)?
        };
        let bytes = message.encode_to_vec();
        let _ = any.try_set_field_by_number(1, Value::String(url));
        let _ = any.try_set_field_by_number(2, Value::Bytes(bytes.into()));
        Ok(any)
    }

    /// Looks ahead for `@type`; none for `{}`, which is read then.
    fn type_url(&mut self) -> Result<Option<String>> {
        self.cursor.peek()?;
        let start = self.cursor.mark();
        self.cursor.begin_object()?;
        let mut url = None;
        let mut first = true;
        while let Some(name) = self.cursor.next_key(first)? {
            first = false;
            if name != "@type" {
                self.cursor
                    .skip()
                    .map_err(|error| error.within_member(&name))?;
                continue;
            }
            let found = self
                .cursor
                .string()
                .map_err(|error| error.within_member(&name))?;
            if url.replace(found.into_owned()).is_some() {
                return Err(self.cursor.error("`@type` comes twice"));
            }
        }
        if url.is_none() && first {
            return Ok(None);
        }
        self.cursor.rewind(start);
        match url {
            None => Err(self.cursor.error(
                "an Any needs its type, as \"@type\": \"type.googleapis.com/package.Message\"",
            )),
            url => Ok(url),
        }
    }

    fn inner_type(&self, any: &MessageDescriptor, url: &str) -> Result<MessageDescriptor> {
        let wrong = |message: String| Err(self.cursor.error(message).within_member("@type"));
        let Some((_, name)) = url.rsplit_once('/') else {
            return wrong(format!(
                "\"{url}\" is no type URL: it has no `/` before the type's name"
            ));
        };
        match any.parent_pool().get_message_by_name(name) {
            Some(inner) => Ok(inner),
            None => wrong(format!("the type `{name}` is not among the descriptors")),
        }
    }

    fn own_members(&mut self, inner: &MessageDescriptor) -> Result<DynamicMessage> {
        let mut message = DynamicMessage::new(inner.clone());
        let mut seen = Seen::default();
        let mut first = true;
        let empty = inner.full_name() == "google.protobuf.Empty";
        self.cursor.begin_object()?;
        while let Some(name) = self.cursor.next_key(first)? {
            first = false;
            // Some printers write the empty message as others of google.protobuf.
            if name == "@type" || (empty && name == "value") {
                self.cursor.skip()?;
            } else {
                self.member(&mut message, name, &mut seen)?;
            }
        }
        Ok(message)
    }

    fn value_member(&mut self, inner: &MessageDescriptor) -> Result<DynamicMessage> {
        let mut message = None;
        let mut first = true;
        self.cursor.begin_object()?;
        while let Some(name) = self.cursor.next_key(first)? {
            first = false;
            match &*name {
                "@type" => self.cursor.skip()?,
                "value" if message.is_some() => {
                    return Err(self.cursor.error("`value` comes twice"));
                }
                "value" => {
                    let value = self
                        .any_message(inner)
                        .map_err(|error| error.within_member(&name))?;
                    message = Some(value);
                }
                _ => {
                    let error = self.cursor.error("only `@type` and `value` may stand here");
                    return Err(error.within_member(&name));
                }
            }
        }
        message.ok_or_else(|| {
            let message = format!("an Any of type {} needs a `value`", inner.full_name());
            self.cursor.error(message)
        })
    }
}

/// Whether JSON writes this type in a way of its own, so that it cannot have `@type` among its members.
pub(crate) fn written_as_value(descriptor: &MessageDescriptor) -> bool {
    let Some(name) = descriptor.full_name().strip_prefix("google.protobuf.") else {
        return false;
    };
    matches!(
        name,
        "Any"
            | "Timestamp"
            | "Duration"
            | "FieldMask"
            | "Struct"
            | "Value"
            | "ListValue"
            | "DoubleValue"
            | "FloatValue"
            | "Int64Value"
            | "UInt64Value"
            | "Int32Value"
            | "UInt32Value"
            | "BoolValue"
            | "StringValue"
            | "BytesValue"
    )
}
