//! Messages against what a case says of them, and messages made of what it says.

use anyhow::{Context, bail, ensure};
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};
use serde_json::{Map, Value as Json};

use crate::expand;

/// A message of proto field names and markers.
pub(crate) fn message(
    descriptor: &MessageDescriptor,
    json: &Json,
) -> anyhow::Result<DynamicMessage> {
    let mut message = DynamicMessage::new(descriptor.clone());
    let object = json
        .as_object()
        .with_context(|| format!("no object: {json}"))?;
    for (name, value) in object {
        let field = descriptor
            .get_field_by_name(name)
            .or_else(|| descriptor.get_field_by_json_name(name))
            .with_context(|| format!("{} has no field {name}", descriptor.full_name()))?;
        let value = if field.is_list() {
            let values = value
                .as_array()
                .with_context(|| format!("no array: {value}"))?;
            let values = values.iter().map(|value| single(&field.kind(), value));
            Value::List(values.collect::<anyhow::Result<_>>()?)
        } else if field.is_map() {
            bail!("maps of upstreams are not known to the runner")
        } else {
            single(&field.kind(), value)?
        };
        message.set_field(&field, value);
    }
    Ok(message)
}

fn single(kind: &Kind, json: &Json) -> anyhow::Result<Value> {
    let number = || {
        let text = json.as_str().and_then(|text| text.parse::<i128>().ok());
        text.or_else(|| json.as_i64().map(i128::from))
            .or_else(|| json.as_u64().map(i128::from))
            .with_context(|| format!("no whole number: {json}"))
    };
    Ok(match kind {
        Kind::String => Value::String(
            json.as_str()
                .with_context(|| format!("no string: {json}"))?
                .to_owned(),
        ),
        Kind::Bytes => Value::Bytes(expand::bytes(json)?.into()),
        Kind::Bool => Value::Bool(json.as_bool().context("no bool")?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number()?.try_into()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number()?.try_into()?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number()?.try_into()?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number()?.try_into()?),
        Kind::Double => Value::F64(json.as_f64().context("no number")?),
        #[allow(clippy::cast_possible_truncation)]
        Kind::Float => Value::F32(json.as_f64().context("no number")? as f32),
        Kind::Enum(descriptor) => Value::EnumNumber(match json.as_str() {
            Some(name) => descriptor
                .get_value_by_name(name)
                .context("no such enum value")?
                .number(),
            None => number()?.try_into()?,
        }),
        Kind::Message(inner) => Value::Message(message(inner, json)?),
    })
}

/// Whether the message holds exactly what `bindings` says: a flat map from field paths to values. What is in
/// `ignored` may hold more.
pub(crate) fn bindings(
    message: &DynamicMessage,
    bindings: &Map<String, Json>,
    ignored: &str,
) -> anyhow::Result<()> {
    if message.descriptor().full_name() == "google.protobuf.Any" {
        ensure!(
            any_matches(message, bindings),
            "not the message that it packs: {message}"
        );
        return Ok(());
    }
    let mut named = Vec::new();
    let mut any_order = false;
    for (path, expected) in bindings {
        let (path, unordered) = match path.strip_suffix("(any order)") {
            Some(path) => (path, true),
            None => (path.as_str(), false),
        };
        any_order |= unordered;
        named.push(path);
        let matches = at(message, path, expected, unordered)?;
        if !matches {
            bail!("{path} is not {expected} in {message}");
        }
    }
    if any_order {
        return Ok(());
    }
    let about_ignored = named.iter().any(|path| covers(ignored, path));
    for leaf in leaves(message, "") {
        let free = !about_ignored && !ignored.is_empty() && covers(ignored, &leaf);
        let known = named.iter().any(|path| covers(path, &leaf));
        if !free && !known {
            bail!("{leaf} is bound and should not be: {message}");
        }
    }
    Ok(())
}

/// Whether a path is the other or leads to it.
fn covers(path: &str, leaf: &str) -> bool {
    leaf == path
        || leaf
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
}

/// The paths of all fields that are set.
fn leaves(message: &DynamicMessage, prefix: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (field, value) in message.fields() {
        let path = format!("{prefix}{}", field.name());
        match value {
            Value::Message(inner) if inner.fields().next().is_some() => {
                paths.extend(leaves(inner, &format!("{path}.")));
            }
            Value::Message(_) => {}
            _ => paths.push(path),
        }
    }
    paths
}

fn at(
    message: &DynamicMessage,
    path: &str,
    expected: &Json,
    unordered: bool,
) -> anyhow::Result<bool> {
    let descriptor = message.descriptor();
    // Names may have dots that are none of a path's.
    let (first, rest) = match descriptor.get_field_by_name(path) {
        Some(_) => (path, ""),
        None => path.split_once('.').unwrap_or((path, "")),
    };
    let field = descriptor
        .get_field_by_name(first)
        .with_context(|| format!("{} has no field {first}", descriptor.full_name()))?;
    let value = message.get_field(&field);
    if !rest.is_empty() {
        let inner = value
            .as_message()
            .with_context(|| format!("{first} is no message"))?;
        return at(inner, rest, expected, unordered);
    }
    if unordered && let (Some(list), Some(expected)) = (value.as_list(), expected.as_array()) {
        let kind = field.kind();
        let found = |expected: &Json| list.iter().any(|value| matches(value, &kind, expected));
        return Ok(list.len() == expected.len() && expected.iter().all(found));
    }
    // Lists and maps are matched by their elements' kind.
    Ok(matches(&value, &field.kind(), expected))
}

/// Whether a value is what the case says.
pub(crate) fn matches(value: &Value, kind: &Kind, expected: &Json) -> bool {
    match (value, expected) {
        (Value::List(list), Json::Array(expected)) => {
            let mut pairs = list.iter().zip(expected);
            list.len() == expected.len()
                && pairs.all(|(value, expected)| matches(value, kind, expected))
        }
        (Value::Map(map), Json::Object(expected)) => {
            let kind = match kind {
                Kind::Message(entry) => entry.map_entry_value_field().kind(),
                other => other.clone(),
            };
            map.len() == expected.len()
                && map.iter().all(|(key, value)| {
                    expected
                        .get(&key_text(key))
                        .is_some_and(|expected| matches(value, &kind, expected))
                })
        }
        (Value::Message(message), expected) => message_matches(message, expected),
        (Value::Bytes(bytes), expected) => {
            expand::bytes(expected).is_ok_and(|expected| bytes == &expected)
        }
        (Value::String(text), Json::String(expected)) => text == expected,
        (Value::Bool(value), Json::Bool(expected)) => value == expected,
        (Value::EnumNumber(number), Json::String(name)) => match kind {
            Kind::Enum(descriptor) => descriptor
                .get_value_by_name(name)
                .is_some_and(|value| value.number() == *number),
            _ => false,
        },
        (Value::EnumNumber(number), expected) => expected.as_i64() == Some((*number).into()),
        (Value::I32(number), expected) => whole(expected) == Some((*number).into()),
        (Value::I64(number), expected) => whole(expected) == Some((*number).into()),
        (Value::U32(number), expected) => whole(expected) == Some((*number).into()),
        (Value::U64(number), expected) => whole(expected) == Some((*number).into()),
        (Value::F32(number), expected) => float(expected).is_some_and(|expected| {
            #[allow(clippy::cast_possible_truncation)]
            let expected = expected as f32;
            number.to_bits() == expected.to_bits()
                || *number == expected
                || (number.is_nan() && expected.is_nan())
        }),
        (Value::F64(number), expected) => float(expected)
            .is_some_and(|expected| *number == expected || (number.is_nan() && expected.is_nan())),
        _ => false,
    }
}

fn message_matches(message: &DynamicMessage, expected: &Json) -> bool {
    let descriptor = message.descriptor();
    let Json::Object(object) = expected else {
        // A wrapper, as its bare value.
        let field = descriptor.get_field_by_name("value");
        return field
            .is_some_and(|field| matches(&message.get_field(&field), &field.kind(), expected));
    };
    if let Some(expected) = object.get("$json") {
        return plain(message).is_some_and(|json| same(&json, expected));
    }
    if descriptor.full_name() == "google.protobuf.Any" {
        return any_matches(message, object);
    }
    let known = |name: &str| object.contains_key(name);
    let extra = message.fields().any(|(field, _)| !known(field.name()));
    !extra
        && object.iter().all(|(name, expected)| {
            descriptor
                .get_field_by_name(name)
                .is_some_and(|field| matches(&message.get_field(&field), &field.kind(), expected))
        })
}

/// `{"type_url", "value": {…}}`, whose value is that of the packed message.
fn any_matches(any: &DynamicMessage, expected: &Map<String, Json>) -> bool {
    let url = any.get_field_by_name("type_url");
    let url = url.as_deref().and_then(Value::as_str).unwrap_or_default();
    if expected.get("type_url").and_then(Json::as_str) != Some(url) {
        return false;
    }
    let bytes = any.get_field_by_name("value");
    let bytes = bytes
        .as_deref()
        .and_then(Value::as_bytes)
        .cloned()
        .unwrap_or_default();
    let name = url.rsplit('/').next().unwrap_or_default();
    let inner = any.descriptor().parent_pool().get_message_by_name(name);
    let inner = inner.and_then(|inner| DynamicMessage::decode(inner, bytes).ok());
    inner.is_some_and(|inner| {
        expected
            .get("value")
            .is_some_and(|expected| message_matches(&inner, expected))
    })
}

/// google.protobuf.Struct, Value and ListValue as the JSON that they stand for.
fn plain(message: &DynamicMessage) -> Option<Json> {
    let name = message.descriptor().full_name().to_owned();
    let Some((field, value)) = message.fields().next() else {
        return Some(match name.as_str() {
            "google.protobuf.Struct" => Json::Object(Map::new()),
            "google.protobuf.ListValue" => Json::Array(Vec::new()),
            _ => Json::Null,
        });
    };
    Some(match (field.name(), value) {
        ("fields", Value::Map(map)) => {
            let entries = map
                .iter()
                .map(|(key, value)| Some((key_text(key), plain(value.as_message()?)?)));
            Json::Object(entries.collect::<Option<_>>()?)
        }
        ("values", Value::List(list)) => Json::Array(
            list.iter()
                .map(|value| plain(value.as_message()?))
                .collect::<Option<_>>()?,
        ),
        ("number_value", Value::F64(number)) => Json::from(*number),
        ("string_value", Value::String(text)) => Json::from(text.as_str()),
        ("bool_value", Value::Bool(value)) => Json::from(*value),
        ("struct_value" | "list_value", Value::Message(inner)) => plain(inner)?,
        _ => Json::Null,
    })
}

/// Equal JSON, whatever way numbers are written; a string `<…>` is anything.
pub(crate) fn same(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (_, Json::String(marker)) if marker.starts_with('<') && marker.ends_with('>') => true,
        (Json::Number(found), Json::Number(expected)) => found.as_f64() == expected.as_f64(),
        (Json::Array(found), Json::Array(expected)) => {
            let mut pairs = found.iter().zip(expected);
            found.len() == expected.len() && pairs.all(|(found, expected)| same(found, expected))
        }
        (Json::Object(found), Json::Object(expected)) => {
            found.len() == expected.len() && contains(found, expected, same)
        }
        (found, expected) => found == expected,
    }
}

/// Whether everything that is expected is there.
pub(crate) fn includes(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) => contains(found, expected, includes),
        (Json::Array(found), Json::Array(expected)) => expected
            .iter()
            .all(|expected| found.iter().any(|found| includes(found, expected))),
        (found, expected) => same(found, expected),
    }
}

fn contains(
    found: &Map<String, Json>,
    expected: &Map<String, Json>,
    compare: fn(&Json, &Json) -> bool,
) -> bool {
    expected
        .iter()
        .all(|(key, expected)| found.get(key).is_some_and(|found| compare(found, expected)))
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::String(text) => text.clone(),
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
    }
}

fn whole(json: &Json) -> Option<i128> {
    match json {
        Json::String(text) => text.parse().ok(),
        Json::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from)),
        _ => None,
    }
}

fn float(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => json.as_f64(),
    }
}
