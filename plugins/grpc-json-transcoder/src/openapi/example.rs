//! Values that every service can read, if not answer.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value as Json, json};

/// How deep messages are filled.
const DEPTH: usize = 3;

/// In a path, a query or a header field; none where no text can be shown.
pub(super) fn text(name: &str, kind: &Kind) -> Option<String> {
    Some(match json(name, kind, 0)? {
        // google.protobuf.Struct, Value and ListValue are JSON texts there.
        value if is_json_text(kind) => value.to_string(),
        Json::String(text) => text,
        other => other.to_string(),
    })
}

pub(super) fn is_json_text(kind: &Kind) -> bool {
    let json = |message: &MessageDescriptor| {
        let name = message.full_name().strip_prefix("google.protobuf.");
        matches!(name, Some("Struct" | "Value" | "ListValue"))
    };
    kind.as_message().is_some_and(json)
}

/// In a body: the value of a field. None where nothing can be shown.
pub(super) fn field(field: &FieldDescriptor, depth: usize) -> Option<Json> {
    let kind = field.kind();
    if let Kind::Message(entry) = &kind
        && field.is_map()
    {
        let key = text("key", &entry.map_entry_key_field().kind())?;
        let value = json("value", &entry.map_entry_value_field().kind(), depth)?;
        return Some(json!({ key: value }));
    }
    let value = json(field.name(), &kind, depth)?;
    Some(if field.is_list() {
        json!([value])
    } else {
        value
    })
}

/// One value of a kind.
pub(super) fn json(name: &str, kind: &Kind, depth: usize) -> Option<Json> {
    Some(match kind {
        Kind::Double | Kind::Float => json!(1.5),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => json!("1"),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => json!(1),
        Kind::Bool => json!(true),
        Kind::String => json!(name),
        Kind::Bytes => json!("AQI="),
        Kind::Enum(descriptor) if descriptor.full_name() == "google.protobuf.NullValue" => {
            return None;
        }
        Kind::Enum(descriptor) => {
            let second = descriptor.values().nth(1);
            json!(second.unwrap_or_else(|| descriptor.default_value()).name())
        }
        Kind::Message(descriptor) => match well_known(name, descriptor) {
            Some(value) => value?,
            None => Json::Object(message(descriptor, &[], depth)?),
        },
    })
}

/// None inside: a message that has no example.
#[allow(clippy::option_option)]
fn well_known(name: &str, descriptor: &MessageDescriptor) -> Option<Option<Json>> {
    Some(Some(
        match descriptor.full_name().strip_prefix("google.protobuf.")? {
            "Timestamp" => json!("2030-01-31T12:00:00Z"),
            "Duration" => json!("1.5s"),
            "FieldMask" => json!("name"),
            "Struct" => json!({ "name": name }),
            "Value" => json!(name),
            "ListValue" => json!([name]),
            // Which types there are is the upstream's to say.
            "Any" => return Some(None),
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
            | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => {
                return Some(json(name, &descriptor.get_field(1)?.kind(), 0));
            }
            _ => return None,
        },
    ))
}

/// A message with all its fields, one member of each oneof; `without` are fields that something else sets.
pub(super) fn message(
    descriptor: &MessageDescriptor,
    without: &[FieldDescriptor],
    depth: usize,
) -> Option<Map<String, Json>> {
    if depth >= DEPTH {
        return None;
    }
    let fields = descriptor.fields().filter(|field| !without.contains(field));
    let fields = fields.filter(|field| is_first_of_oneof(field) && !field.is_group());
    let members = fields.filter_map(|field| {
        let value = self::field(&field, depth + 1)?;
        Some((field.json_name().to_owned(), value))
    });
    Some(members.collect())
}

/// Of a oneof only one member can be shown.
pub(super) fn is_first_of_oneof(field: &FieldDescriptor) -> bool {
    let oneof = field.containing_oneof();
    oneof.is_none_or(|oneof| oneof.fields().next().as_ref() == Some(field))
}
