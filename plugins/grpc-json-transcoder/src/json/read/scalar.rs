//! Scalars in JSON: numbers, strings, bytes and enum values.

use std::borrow::Cow;

use prost_reflect::{EnumDescriptor, Kind, MapKey};

use super::{
    super::{error::JsonError, number},
    Reader, Result,
};

impl<'t> Reader<'t> {
    pub(super) fn string_of(&mut self, kind: &Kind) -> Result<Cow<'t, str>> {
        if self.cursor.peek()? == b'"' {
            return self.cursor.string();
        }
        Err(self.cursor.unexpected(&kind_name(kind)))
    }

    /// A number, or a string that holds one.
    pub(super) fn number_text(&mut self, kind: &Kind) -> Result<Cow<'t, str>> {
        match self.cursor.peek()? {
            b'-' | b'0'..=b'9' => self.cursor.number().map(Cow::Borrowed),
            b'"' => self.cursor.string(),
            _ => Err(self.cursor.unexpected(&kind_name(kind))),
        }
    }

    pub(super) fn integer<I: TryFrom<i128>>(&mut self, kind: &Kind) -> Result<I> {
        let start = self.cursor.peek().map(|_| self.cursor.offset())?;
        let text = self.number_text(kind)?;
        number::is_number(&text)
            .then(|| number::integer(&text))
            .flatten()
            .and_then(|value| I::try_from(value).ok())
            .ok_or_else(|| invalid(start, &text, kind))
    }

    pub(super) fn floating<F: From<f32>>(
        &mut self,
        kind: &Kind,
        parse: impl FnOnce(&str) -> Option<F>,
    ) -> Result<F> {
        let start = self.cursor.peek().map(|_| self.cursor.offset())?;
        let quoted = self.cursor.peek()? == b'"';
        let text = self.number_text(kind)?;
        match &*text {
            "NaN" if quoted => return Ok(f32::NAN.into()),
            "Infinity" if quoted => return Ok(f32::INFINITY.into()),
            "-Infinity" if quoted => return Ok(f32::NEG_INFINITY.into()),
            _ => {}
        }
        number::is_number(&text)
            .then(|| parse(&text))
            .flatten()
            .ok_or_else(|| invalid(start, &text, kind))
    }

    pub(super) fn enumeration(&mut self, descriptor: &EnumDescriptor) -> Result<i32> {
        let start = self.cursor.peek().map(|_| self.cursor.offset())?;
        let found = match self.cursor.peek()? {
            b'"' => {
                let name = self.cursor.string()?;
                match enum_by_name(descriptor, &name, self.any_case_enums) {
                    Some(number) => return Ok(number),
                    None => name,
                }
            }
            b'-' | b'0'..=b'9' => {
                let text = self.cursor.number()?;
                match number::integer(text).and_then(|value| i32::try_from(value).ok()) {
                    Some(number) => return Ok(number),
                    None => text.into(),
                }
            }
            // A value of google.protobuf.NullValue: who calls has seen to it that others do not come here.
            b'n' if self.cursor.null()? => return Ok(0),
            _ => return Err(self.cursor.unexpected(&legal_names(descriptor))),
        };
        let message = format!(
            "invalid value \"{found}\" for type {}: expected {}",
            descriptor.full_name(),
            legal_names(descriptor)
        );
        Err(JsonError::new(start, message))
    }
}

/// The number of an enum's value.
pub(crate) fn enum_by_name(descriptor: &EnumDescriptor, name: &str, any_case: bool) -> Option<i32> {
    let exact = descriptor.get_value_by_name(name);
    let alike = || {
        let mut values = descriptor.values().filter(|_| any_case);
        values.find(|value| value.name().eq_ignore_ascii_case(name))
    };
    exact.or_else(alike).map(|value| value.number())
}

fn invalid(start: usize, text: &str, kind: &Kind) -> JsonError {
    let message = format!("invalid value \"{text}\" for type {}", kind_name(kind));
    JsonError::new(start, message)
}

/// A key of a map, as JSON writes it.
pub(crate) fn map_key(text: &str, kind: &Kind) -> Option<MapKey> {
    let integer = || {
        number::is_number(text)
            .then(|| number::integer(text))
            .flatten()
    };
    Some(match kind {
        Kind::Bool => MapKey::Bool(match text {
            "true" => true,
            "false" => false,
            _ => return None,
        }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(integer()?.try_into().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(integer()?.try_into().ok()?),
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(integer()?.try_into().ok()?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(integer()?.try_into().ok()?),
        Kind::String => MapKey::String(text.to_owned()),
        _ => return None,
    })
}

/// `one of A, B, C`, as far as that is readable.
pub(crate) fn legal_names(descriptor: &EnumDescriptor) -> String {
    const MOST: usize = 24;
    let names: Vec<String> = descriptor
        .values()
        .take(MOST)
        .map(|value| value.name().to_owned())
        .collect();
    let more = if descriptor.values().len() > MOST {
        ", …"
    } else {
        ""
    };
    format!("one of {}{more}", names.join(", "))
}

/// The type as .proto files write it.
pub(crate) fn kind_name(kind: &Kind) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        Kind::Double => "double",
        Kind::Float => "float",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::Sint32 => "sint32",
        Kind::Sint64 => "sint64",
        Kind::Fixed32 => "fixed32",
        Kind::Fixed64 => "fixed64",
        Kind::Sfixed32 => "sfixed32",
        Kind::Sfixed64 => "sfixed64",
        Kind::Bool => "bool",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Message(message) => return message.full_name().to_owned().into(),
        Kind::Enum(descriptor) => return descriptor.full_name().to_owned().into(),
    })
}
