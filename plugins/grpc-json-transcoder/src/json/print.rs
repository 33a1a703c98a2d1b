//! From messages to JSON text, into one buffer.

mod text;
mod well_known;

use std::fmt::Write as _;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value};

use super::base64;
use crate::settings::{Defaults, EnumStyle, FieldNames, Int64, PrintSettings};

pub(super) use text::print_float;
pub(crate) use text::print_text;

/// The largest integer that JavaScript reads exactly: 2^53 - 1.
pub(super) const SAFE: u64 = (1 << 53) - 1;

/// How messages are printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrintOptions {
    pub(crate) defaults: bool,
    pub(crate) proto_names: bool,
    pub(crate) enum_numbers: bool,
    pub(crate) whitespace: bool,
    pub(crate) int64: Int64,
    /// Messages, lists and maps within each other.
    pub(crate) depth: u32,
}

impl PrintOptions {
    pub(crate) fn new(settings: &PrintSettings, depth: u16) -> Self {
        Self {
            defaults: settings.defaults == Defaults::Print,
            proto_names: settings.names == FieldNames::Proto,
            enum_numbers: settings.enums == EnumStyle::Number,
            whitespace: settings.whitespace,
            int64: settings.int64,
            depth: depth.into(),
        }
    }

    /// For formats whose messages stand on one line each.
    pub(crate) fn on_one_line(self) -> Self {
        Self {
            whitespace: false,
            ..self
        }
    }
}

/// A message that JSON cannot express; says why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unprintable(pub(crate) String);

type Result<T = ()> = std::result::Result<T, Unprintable>;

/// Prints values one after the other.
pub(crate) struct Printer {
    out: String,
    options: PrintOptions,
    depth: u32,
    /// Fields that the descriptors do not know: they have no name, and are left out.
    unknown: u64,
}

impl Printer {
    #[cfg(test)]
    pub(crate) fn new(options: PrintOptions) -> Self {
        Self::into_buffer(String::new(), options)
    }

    /// Adds to what is there, within so many levels.
    pub(super) fn within(out: String, options: PrintOptions, depth: u32) -> Self {
        Self {
            depth,
            ..Self::into_buffer(out, options)
        }
    }

    /// Adds to what is there.
    pub(crate) fn into_buffer(out: String, options: PrintOptions) -> Self {
        Self {
            out,
            options,
            depth: 0,
            unknown: 0,
        }
    }

    /// How many fields were left out since the descriptors do not know them.
    pub(crate) fn unknown(&self) -> u64 {
        self.unknown
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn enter(&mut self, bracket: char) -> Result {
        if self.depth == self.options.depth {
            let message = format!("the message is deeper than {} levels", self.options.depth);
            return Err(Unprintable(message));
        }
        self.depth += 1;
        self.out.push(bracket);
        Ok(())
    }

    /// Before each member and element.
    fn next(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.out.push(',');
        }
        self.line();
    }

    fn leave(&mut self, empty: bool, bracket: char) {
        self.depth -= 1;
        if !empty {
            self.line();
        }
        self.out.push(bracket);
    }

    fn line(&mut self) {
        if self.options.whitespace {
            self.out.push('\n');
            for _ in 0..self.depth {
                self.out.push(' ');
            }
        }
    }

    fn name(&mut self, name: &str) {
        print_text(name, &mut self.out);
        self.out
            .push_str(if self.options.whitespace { ": " } else { ":" });
    }

    pub(crate) fn message(&mut self, message: &DynamicMessage) -> Result {
        let descriptor = message.descriptor();
        if let Some(special) = descriptor.full_name().strip_prefix("google.protobuf.")
            && self.well_known(special, message)?
        {
            return Ok(());
        }
        self.enter('{')?;
        let mut first = true;
        self.members(message, &mut first)?;
        self.leave(first, '}');
        Ok(())
    }

    fn members(&mut self, message: &DynamicMessage, first: &mut bool) -> Result {
        self.unknown += message.unknown_fields().count() as u64;
        if self.options.defaults {
            for field in message.descriptor().fields() {
                if message.has_field(&field) || !field.supports_presence() {
                    let value = message.get_field(&field);
                    self.member(&field, &value, first)?;
                }
            }
            return Ok(());
        }
        for (field, value) in message.fields() {
            self.member(&field, value, first)?;
        }
        Ok(())
    }

    fn member(&mut self, field: &FieldDescriptor, value: &Value, first: &mut bool) -> Result {
        self.next(first);
        let name = if self.options.proto_names {
            field.name()
        } else {
            field.json_name()
        };
        self.name(name);
        self.field(field, value)
    }

    /// The value of one field, as a member of an object or by itself.
    pub(crate) fn field(&mut self, field: &FieldDescriptor, value: &Value) -> Result {
        match value {
            Value::List(values) => {
                let kind = field.kind();
                self.enter('[')?;
                let mut first = true;
                for value in values {
                    self.next(&mut first);
                    self.single(&kind, value)?;
                }
                self.leave(first, ']');
                Ok(())
            }
            Value::Map(map) => {
                let kind = match field.kind() {
                    Kind::Message(entry) => entry.map_entry_value_field().kind(),
                    other => other,
                };
                // A map has no order; printing it in one makes answers comparable.
                let mut entries: Vec<(&MapKey, &Value)> = map.iter().collect();
                entries.sort_unstable_by(|one, other| one.0.cmp(other.0));
                self.enter('{')?;
                let mut first = true;
                for (key, value) in entries {
                    self.next(&mut first);
                    self.key(key);
                    self.single(&kind, value)?;
                }
                self.leave(first, '}');
                Ok(())
            }
            value => self.single(&field.kind(), value),
        }
    }

    fn key(&mut self, key: &MapKey) {
        match key {
            MapKey::String(text) => self.name(text),
            MapKey::Bool(key) => self.name(if *key { "true" } else { "false" }),
            MapKey::I32(key) => self.name(&key.to_string()),
            MapKey::I64(key) => self.name(&key.to_string()),
            MapKey::U32(key) => self.name(&key.to_string()),
            MapKey::U64(key) => self.name(&key.to_string()),
        }
    }

    fn single(&mut self, kind: &Kind, value: &Value) -> Result {
        let _ = match value {
            Value::Bool(value) => write!(self.out, "{value}"),
            Value::I32(value) => write!(self.out, "{value}"),
            Value::U32(value) => write!(self.out, "{value}"),
            Value::I64(value) => {
                self.quoted_beyond(value.unsigned_abs(), *value);
                Ok(())
            }
            Value::U64(value) => {
                self.quoted_beyond(*value, *value);
                Ok(())
            }
            Value::F32(value) => {
                print_float(*value, f64::from(*value), &mut self.out);
                Ok(())
            }
            Value::F64(value) => {
                print_float(*value, *value, &mut self.out);
                Ok(())
            }
            Value::String(value) => {
                print_text(value, &mut self.out);
                Ok(())
            }
            Value::Bytes(value) => {
                self.out.push('"');
                base64::encode_into(value, &mut self.out);
                self.out.push('"');
                Ok(())
            }
            Value::EnumNumber(number) => {
                self.enumeration(kind, *number);
                Ok(())
            }
            Value::Message(message) => return self.message(message),
            Value::List(_) | Value::Map(_) => Ok(()),
        };
        Ok(())
    }

    fn quoted_beyond(&mut self, size: u64, value: impl std::fmt::Display) {
        let bare = match self.options.int64 {
            Int64::String => false,
            Int64::Number => true,
            Int64::NumberIfSafe => size <= SAFE,
        };
        let _ = if bare {
            write!(self.out, "{value}")
        } else {
            write!(self.out, "\"{value}\"")
        };
    }

    fn enumeration(&mut self, kind: &Kind, number: i32) {
        let Kind::Enum(descriptor) = kind else {
            return;
        };
        if descriptor.full_name() == "google.protobuf.NullValue" {
            self.out.push_str("null");
            return;
        }
        let value = descriptor.get_value(number);
        match value.filter(|_| !self.options.enum_numbers) {
            Some(value) => print_text(value.name(), &mut self.out),
            None => {
                let _ = write!(self.out, "{number}");
            }
        }
    }
}
