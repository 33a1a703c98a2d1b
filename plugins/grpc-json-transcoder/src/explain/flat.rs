//! A message as a flat map from the paths of fields to values, with the names of the .proto.
//!
//! Unlike ProtoJSON this tells types apart: bytes are `{"$b64": ..}`, a google.protobuf.Struct, Value or ListValue
//! is `{"$json": ..}`, a Timestamp and a Duration have seconds and nanos. 64-bit integers beyond what JavaScript
//! reads exactly are strings, as are NaN and the infinities. Wrappers are what they wrap.

use prost_reflect::{DynamicMessage, Kind, MapKey, ReflectMessage as _, Value};
use serde_json::{Map, Number, Value as Json, json};

use crate::json::base64;

/// 2^53 - 1.
const SAFE: u64 = (1 << 53) - 1;

pub(super) fn message(message: &DynamicMessage) -> Map<String, Json> {
    // A message that stands for one value is taken apart where it is the whole.
    if special(message).is_some() {
        return raw(message);
    }
    let mut flat = Map::new();
    fields(message, "", &mut flat);
    flat
}

fn fields(message: &DynamicMessage, prefix: &str, flat: &mut Map<String, Json>) {
    for (field, value) in message.fields() {
        let name = format!("{prefix}{}", field.name());
        match value {
            Value::Message(inner) if special(inner).is_none() => {
                let before = flat.len();
                fields(inner, &format!("{name}."), flat);
                if flat.len() == before {
                    flat.insert(name, json!({}));
                }
            }
            value => {
                flat.insert(name, self::value(&field.kind(), value));
            }
        }
    }
}

/// One value; of a list or map the kind is that of its field.
pub(super) fn value(kind: &Kind, value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::I32(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::I64(value) if value.unsigned_abs() <= SAFE => json!(value),
        Value::I64(value) => json!(value.to_string()),
        Value::U64(value) if *value <= SAFE => json!(value),
        Value::U64(value) => json!(value.to_string()),
        // By its shortest text, so that 0.1 stays 0.1.
        Value::F32(value) => float(value.to_string().parse().unwrap_or((*value).into())),
        Value::F64(value) => float(*value),
        Value::String(value) => json!(value),
        Value::Bytes(value) => bytes(value),
        Value::EnumNumber(number) => {
            let name = kind.as_enum().and_then(|kind| kind.get_value(*number));
            name.map_or(json!(number), |value| json!(value.name()))
        }
        Value::Message(message) => special(message).unwrap_or_else(|| nested(message)),
        Value::List(values) => values
            .iter()
            .map(|value| self::value(kind, value))
            .collect(),
        Value::Map(entries) => {
            let kind = entry_kind(kind);
            let entries = entries
                .iter()
                .map(|(key, value)| (map_key(key), self::value(&kind, value)));
            Json::Object(entries.collect())
        }
    }
}

/// A message within a list or map.
fn nested(message: &DynamicMessage) -> Json {
    let fields = message.fields();
    let fields =
        fields.map(|(field, value)| (field.name().to_owned(), self::value(&field.kind(), value)));
    Json::Object(fields.collect())
}

/// A message and all within it by their fields, whatever they stand for.
fn raw(message: &DynamicMessage) -> Map<String, Json> {
    let inner = |kind: &Kind, value: &Value| match value {
        Value::Message(message) => Json::Object(raw(message)),
        other => self::value(kind, other),
    };
    let fields = message.fields().map(|(field, value)| {
        let kind = field.kind();
        let json = match value {
            Value::List(values) => values.iter().map(|value| inner(&kind, value)).collect(),
            Value::Map(entries) => {
                let kind = entry_kind(&kind);
                let entries = entries
                    .iter()
                    .map(|(key, value)| (map_key(key), inner(&kind, value)));
                Json::Object(entries.collect())
            }
            other => inner(&kind, other),
        };
        (field.name().to_owned(), json)
    });
    fields.collect()
}

/// The kind of the values of a map.
fn entry_kind(kind: &Kind) -> Kind {
    let entry = kind.as_message();
    entry.map_or(Kind::String, |entry| entry.map_entry_value_field().kind())
}

/// Messages that stand for one value.
fn special(message: &DynamicMessage) -> Option<Json> {
    let descriptor = message.descriptor();
    let field = |number| {
        let field = descriptor.get_field(number)?;
        Some(value(&field.kind(), &message.get_field(&field)))
    };
    Some(
        match descriptor.full_name().strip_prefix("google.protobuf.")? {
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
            | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => field(1)?,
            "Timestamp" | "Duration" => json!({ "seconds": field(1)?, "nanos": field(2)? }),
            "FieldMask" => json!({ "paths": field(1)? }),
            "Struct" | "Value" | "ListValue" => json!({ "$json": plain(message) }),
            _ => return None,
        },
    )
}

/// A google.protobuf.Struct, Value or ListValue as the JSON that it stands for.
fn plain(message: &DynamicMessage) -> Json {
    let mut fields = message.fields();
    let Some((field, value)) = fields.next() else {
        return match message.descriptor().name() {
            "Struct" => json!({}),
            "ListValue" => json!([]),
            _ => Json::Null,
        };
    };
    let inner = |value: &Value| value.as_message().map_or(Json::Null, plain);
    match value {
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (map_key(key), inner(value)));
            Json::Object(entries.collect())
        }
        Value::List(values) => values.iter().map(inner).collect(),
        Value::Message(message) => plain(message),
        Value::EnumNumber(_) => Json::Null,
        value => self::value(&field.kind(), value),
    }
}

fn float(value: f64) -> Json {
    if value.is_nan() {
        return json!("NaN");
    }
    match Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value > 0.0 => json!("Infinity"),
        None => json!("-Infinity"),
    }
}

fn bytes(bytes: &[u8]) -> Json {
    let mut text = String::new();
    base64::encode_into(bytes, &mut text);
    json!({ "$b64": text })
}

fn map_key(key: &MapKey) -> String {
    match key {
        MapKey::String(text) => text.clone(),
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
    }
}
