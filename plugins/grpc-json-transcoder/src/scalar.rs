//! One text, from a path, a query or a header field, as the value of a field.

use prost_reflect::{
    DynamicMessage, EnumDescriptor, Kind, MapKey, MessageDescriptor, Syntax, Value,
};

use crate::{
    json::{ReadOptions, Reader, base64, enum_by_name, legal_names, number, snake_case, time},
    settings::Settings,
};

/// Whether one text can be a value of this kind.
pub(crate) fn is_text(kind: &Kind) -> bool {
    match kind {
        Kind::Message(message) => TextMessage::of(message).is_some(),
        _ => true,
    }
}

/// Messages that are written as one text.
enum TextMessage {
    /// google.protobuf.StringValue and the like: the text of their field `value`.
    Wrapper,
    Timestamp,
    Duration,
    FieldMask,
    /// google.protobuf.Struct, Value and ListValue: a JSON text.
    Json,
}

impl TextMessage {
    fn of(message: &MessageDescriptor) -> Option<Self> {
        Some(
            match message.full_name().strip_prefix("google.protobuf.")? {
                "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
                | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => Self::Wrapper,
                "Timestamp" => Self::Timestamp,
                "Duration" => Self::Duration,
                "FieldMask" => Self::FieldMask,
                "Struct" | "Value" | "ListValue" => Self::Json,
                _ => return None,
            },
        )
    }
}

/// The value, or what is wrong with the text and what to write instead.
pub(crate) fn parse(kind: &Kind, text: &str, settings: &Settings) -> Result<Value, String> {
    if text.len() as u64 > settings.limits.string.0 {
        return Err(format!(
            "this is longer than {} bytes",
            settings.limits.string.0
        ));
    }
    match kind {
        Kind::Enum(descriptor) => enum_number(descriptor, text, settings).map(Value::EnumNumber),
        Kind::Message(descriptor) => message(descriptor, text, settings).map(Value::Message),
        _ => scalar(kind, text).ok_or_else(|| {
            let (text, expected) = (shortened(text), expected(kind));
            format!("`{text}` is no {kind:?}; write {expected}")
        }),
    }
}

fn scalar(kind: &Kind, text: &str) -> Option<Value> {
    Some(match kind {
        Kind::String => Value::String(text.to_owned()),
        Kind::Bool => Value::Bool(text.parse().ok()?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(integer(text)?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(integer(text)?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(integer(text)?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(integer(text)?),
        Kind::Double => Value::F64(double(text)?),
        Kind::Float => Value::F32(float(text)?),
        Kind::Bytes => Value::Bytes(base64::decode(text)?.into()),
        Kind::Enum(_) | Kind::Message(_) => return None,
    })
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "`true` or `false`",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            "a whole number from -2147483648 to 2147483647"
        }
        Kind::Uint32 | Kind::Fixed32 => "a whole number from 0 to 4294967295",
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            "a whole number from -9223372036854775808 to 9223372036854775807"
        }
        Kind::Uint64 | Kind::Fixed64 => "a whole number from 0 to 18446744073709551615",
        Kind::Double | Kind::Float => "a number, `NaN`, `Infinity` or `-Infinity`",
        Kind::Bytes => "base64",
        Kind::String | Kind::Enum(_) | Kind::Message(_) => "another text",
    }
}

/// The key of a map.
pub(crate) fn map_key(kind: &Kind, text: &str, settings: &Settings) -> Result<MapKey, String> {
    let key = parse(kind, text, settings)?.into_map_key();
    key.ok_or_else(|| String::from("this is no key of a map"))
}

fn integer<T: TryFrom<i128>>(text: &str) -> Option<T> {
    let number = number::is_number(text).then(|| number::integer(text))?;
    T::try_from(number?).ok()
}

fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => number::is_number(text).then(|| number::double(text))?,
    }
}

fn float(text: &str) -> Option<f32> {
    match text {
        "NaN" => Some(f32::NAN),
        "Infinity" => Some(f32::INFINITY),
        "-Infinity" => Some(f32::NEG_INFINITY),
        _ => number::is_number(text).then(|| number::float(text))?,
    }
}

fn enum_number(
    descriptor: &EnumDescriptor,
    text: &str,
    settings: &Settings,
) -> Result<i32, String> {
    if let Some(number) = enum_by_name(descriptor, text, settings.body.any_case_enums) {
        return Ok(number);
    }
    if descriptor.full_name() == "google.protobuf.NullValue" && text == "null" {
        return Ok(0);
    }
    // A number that has no name here may have one in a newer upstream, unless proto2 forbids it.
    let closed = descriptor.parent_file().syntax() == Syntax::Proto2;
    match integer::<i32>(text) {
        Some(number) if !closed || descriptor.get_value(number).is_some() => Ok(number),
        _ => Err(format!(
            "`{}` is no {}; write {}",
            shortened(text),
            descriptor.full_name(),
            legal_names(descriptor)
        )),
    }
}

fn message(
    descriptor: &MessageDescriptor,
    text: &str,
    settings: &Settings,
) -> Result<DynamicMessage, String> {
    let mut message = DynamicMessage::new(descriptor.clone());
    let mut set = |number, value| {
        if let Some(field) = descriptor.get_field(number) {
            // Descriptors that declare another type by this name get an empty one.
            let _ = message.try_set_field(&field, value);
        }
    };
    let wrong = |expected: &str| format!("`{}` is no {expected}", shortened(text));
    match TextMessage::of(descriptor) {
        Some(TextMessage::Wrapper) => {
            if let Some(field) = descriptor.get_field(1) {
                set(1, parse(&field.kind(), text, settings)?);
            }
        }
        Some(TextMessage::Timestamp) => {
            let (seconds, nanos) = time::read_timestamp(text)
                .ok_or_else(|| wrong("timestamp; write one as `2030-01-31T12:00:00Z`"))?;
            set(1, Value::I64(seconds));
            set(2, Value::I32(nanos));
        }
        Some(TextMessage::Duration) => {
            let (seconds, nanos) = time::read_duration(text)
                .ok_or_else(|| wrong("duration; write seconds as `3.5s`"))?;
            set(1, Value::I64(seconds));
            set(2, Value::I32(nanos));
        }
        Some(TextMessage::FieldMask) => {
            let paths = mask_paths(text, settings).ok_or_else(|| {
                wrong("field mask within limits.array; write names as `title,author.name`")
            })?;
            set(1, Value::List(paths));
        }
        Some(TextMessage::Json) => return json(descriptor, text, settings),
        None => {
            return Err(format!(
                "{} cannot be written as one text",
                descriptor.full_name()
            ));
        }
    }
    Ok(message)
}

/// Names of the .proto stay as they are, those of JSON become them.
fn mask_paths(text: &str, settings: &Settings) -> Option<Vec<Value>> {
    let paths = text.split(',').filter(|path| !path.is_empty());
    if paths.clone().count() > settings.limits.array as usize {
        return None;
    }
    let named = |path: &str| match path.contains('_') {
        true => Some(path.to_owned()),
        false => snake_case(path),
    };
    paths.map(|path| named(path).map(Value::String)).collect()
}

fn json(
    descriptor: &MessageDescriptor,
    text: &str,
    settings: &Settings,
) -> Result<DynamicMessage, String> {
    let options = ReadOptions {
        refuse_unknown: true,
        ..ReadOptions::from(settings)
    };
    Reader::new(text.as_bytes(), &options)
        .and_then(|reader| reader.message(descriptor))
        .map_err(|error| error.refusal(text.as_bytes()).message)
}

/// An error should not be a copy of what was sent.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text.to_owned(),
    }
}
