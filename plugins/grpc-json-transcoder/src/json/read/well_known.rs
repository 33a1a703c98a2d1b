//! The types of google/protobuf that JSON writes in a way of their own.

use std::collections::HashMap;

use prost_reflect::{DynamicMessage, MapKey, MessageDescriptor, Value};

use super::{
    super::{error::Step, number, time},
    Reader, Result,
};

impl Reader<'_> {
    /// `name` is what follows `google.protobuf.`; none if JSON writes that type like any other.
    pub(super) fn well_known(
        &mut self,
        name: &str,
        descriptor: &MessageDescriptor,
    ) -> Result<Option<DynamicMessage>> {
        Ok(Some(match name {
            "Any" => self.any(descriptor)?,
            "Timestamp" => self.time(descriptor, time::read_timestamp, "a timestamp")?,
            "Duration" => self.time(descriptor, time::read_duration, "a duration")?,
            "FieldMask" => self.field_mask(descriptor)?,
            "Struct" => self.structure(descriptor)?,
            "Value" => self.value(descriptor)?,
            "ListValue" => self.list_value(descriptor)?,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
            | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => {
                let mut message = DynamicMessage::new(descriptor.clone());
                if let Some(field) = descriptor.get_field(1) {
                    let value = self.element(&field.kind())?;
                    message.set_field(&field, value);
                }
                message
            }
            _ => return Ok(None),
        }))
    }

    fn time(
        &mut self,
        descriptor: &MessageDescriptor,
        parse: fn(&str) -> Option<(i64, i32)>,
        what: &str,
    ) -> Result<DynamicMessage> {
        if self.cursor.peek()? != b'"' {
            return Err(self.cursor.unexpected(what));
        }
        let text = self.cursor.string()?;
        let Some((seconds, nanos)) = parse(&text) else {
            let example = if what == "a duration" {
                "`3.5s`"
            } else {
                "`2030-01-31T12:00:00Z`"
            };
            let message = format!("\"{text}\" is not {what} in range; write one as {example}");
            return Err(self.cursor.error(message));
        };
        let mut message = DynamicMessage::new(descriptor.clone());
        put(&mut message, 1, Value::I64(seconds));
        put(&mut message, 2, Value::I32(nanos));
        Ok(message)
    }

    fn field_mask(&mut self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        if self.cursor.peek()? != b'"' {
            return Err(self.cursor.unexpected("a field mask, as \"a,b.c\""));
        }
        let text = self.cursor.string()?;
        let mut message = DynamicMessage::new(descriptor.clone());
        let paths: Option<Vec<Value>> = text
            .split(',')
            .filter(|path| !path.is_empty())
            .map(|path| snake_case(path).map(Value::String))
            .collect();
        let Some(paths) = paths else {
            let message = format!("\"{text}\" is no field mask; write names in lowerCamelCase");
            return Err(self.cursor.error(message));
        };
        put(&mut message, 1, Value::List(paths));
        Ok(message)
    }

    fn structure(&mut self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        let pool = descriptor.parent_pool();
        let Some(value) = pool.get_message_by_name("google.protobuf.Value") else {
            return Ok(message);
        };
        self.cursor.begin_object()?;
        let mut map = HashMap::new();
        while let Some(name) = self.cursor.next_key(map.is_empty())? {
            let key = MapKey::String(name.clone().into_owned());
            let member = self
                .value(&value)
                .map_err(|error| error.within_member(&name))?;
            if map.insert(key, Value::Message(member)).is_some() {
                let error = self.cursor.error("this name comes twice in one object");
                return Err(error.within_member(&name));
            }
        }
        put(&mut message, 1, Value::Map(map));
        Ok(message)
    }

    fn list_value(&mut self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        let pool = descriptor.parent_pool();
        let Some(value) = pool.get_message_by_name("google.protobuf.Value") else {
            return Ok(message);
        };
        self.cursor.begin_array()?;
        let mut values = Vec::new();
        while self.cursor.next_element(values.len())? {
            let element = self
                .value(&value)
                .map_err(|error| error.within(Step::Element(values.len())))?;
            values.push(Value::Message(element));
        }
        put(&mut message, 1, Value::List(values));
        Ok(message)
    }

    fn value(&mut self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        let pool = descriptor.parent_pool();
        let (number, value) = match self.cursor.peek()? {
            b'n' if self.cursor.null()? => (1, Value::EnumNumber(0)),
            b't' | b'f' => (4, Value::Bool(self.cursor.boolean()?)),
            b'"' => (3, Value::String(self.cursor.string()?.into_owned())),
            b'{' => match pool.get_message_by_name("google.protobuf.Struct") {
                Some(object) => (5, Value::Message(self.structure(&object)?)),
                None => return Err(self.cursor.error("objects are not among the descriptors")),
            },
            b'[' => match pool.get_message_by_name("google.protobuf.ListValue") {
                Some(list) => (6, Value::Message(self.list_value(&list)?)),
                None => return Err(self.cursor.error("lists are not among the descriptors")),
            },
            _ => {
                let text = self.cursor.number()?;
                let number = number::double(text)
                    .ok_or_else(|| self.cursor.error("the number is too large"))?;
                (2, Value::F64(number))
            }
        };
        put(&mut message, number, value);
        Ok(message)
    }
}

/// Sets a field of a well-known type. A pool may hold a type of that name with other fields; those stay unset.
fn put(message: &mut DynamicMessage, number: u32, value: Value) {
    let _ = message.try_set_field_by_number(number, value);
}

/// `fooBar.baz` as `foo_bar.baz`; none if it would not come back the same.
pub(crate) fn snake_case(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for character in path.chars() {
        match character {
            '_' => return None,
            upper if upper.is_ascii_uppercase() => {
                snake.push('_');
                snake.push(upper.to_ascii_lowercase());
            }
            other => snake.push(other),
        }
    }
    Some(snake)
}
