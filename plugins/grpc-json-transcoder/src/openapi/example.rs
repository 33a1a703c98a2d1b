//! Values that every service can read, if not answer.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value as Json, json};

use crate::settings::{EnumStyle, FieldNames, Int64, PrintSettings};

/// How deep messages are filled.
const DEPTH: usize = 3;

/// Makes examples in the way in which messages are printed.
#[derive(Clone, Copy)]
pub(super) struct Examples<'a>(pub(super) &'a PrintSettings);

impl Examples<'_> {
    /// In a path, a query or a header field; none where no text can be shown.
    pub(super) fn text(self, name: &str, kind: &Kind) -> Option<String> {
        Some(match self.value(name, kind, 0)? {
            // google.protobuf.Struct, Value and ListValue are JSON texts there.
            value if is_json_text(kind) => value.to_string(),
            Json::String(text) => text,
            other => other.to_string(),
        })
    }

    /// The whole of a field. None where nothing can be shown.
    pub(super) fn field(self, field: &FieldDescriptor, depth: usize) -> Option<Json> {
        let kind = field.kind();
        if let Kind::Message(entry) = &kind
            && field.is_map()
        {
            let key = self.text("key", &entry.map_entry_key_field().kind())?;
            let value = self.value("value", &entry.map_entry_value_field().kind(), depth)?;
            return Some(json!({ key: value }));
        }
        let value = self.value(field.name(), &kind, depth)?;
        Some(if field.is_list() {
            json!([value])
        } else {
            value
        })
    }

    /// One value of a kind.
    pub(super) fn value(self, name: &str, kind: &Kind, depth: usize) -> Option<Json> {
        Some(match kind {
            Kind::Double | Kind::Float => json!(1.5),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64
                if self.0.int64 == Int64::String =>
            {
                json!("1")
            }
            Kind::Bool => json!(true),
            Kind::String => json!(name),
            Kind::Bytes => json!("AQI="),
            Kind::Enum(descriptor) => self.enumeration(descriptor)?,
            Kind::Message(descriptor) => self.message_value(name, descriptor, depth)?,
            _ => json!(1),
        })
    }

    /// The second value: the first mostly means none.
    fn enumeration(self, descriptor: &EnumDescriptor) -> Option<Json> {
        if descriptor.full_name() == "google.protobuf.NullValue" {
            return None;
        }
        let value = descriptor.values().nth(1);
        let value = value.unwrap_or_else(|| descriptor.default_value());
        Some(match self.0.enums {
            EnumStyle::Name => json!(value.name()),
            EnumStyle::Number => json!(value.number()),
        })
    }

    fn message_value(
        self,
        name: &str,
        descriptor: &MessageDescriptor,
        depth: usize,
    ) -> Option<Json> {
        let special = descriptor.full_name().strip_prefix("google.protobuf.");
        Some(match special.unwrap_or_default() {
            "Timestamp" => json!("2030-01-31T12:00:00Z"),
            "Duration" => json!("1.5s"),
            "Struct" => json!({ "name": name }),
            "Value" => json!(name),
            "ListValue" => json!([name]),
            // Which types or fields there are is the service's to say.
            "Any" | "FieldMask" => return None,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
            | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => {
                self.value(name, &descriptor.get_field(1)?.kind(), 0)?
            }
            _ => Json::Object(self.message(descriptor, &[], depth)?),
        })
    }

    /// A message with all its fields, one member of each oneof; `without` are fields that something else sets.
    pub(super) fn message(
        self,
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
            let name = match self.0.names {
                FieldNames::Json => field.json_name(),
                FieldNames::Proto => field.name(),
            };
            Some((name.to_owned(), self.field(&field, depth + 1)?))
        });
        Some(members.collect())
    }
}

pub(super) fn is_json_text(kind: &Kind) -> bool {
    let json = |message: &MessageDescriptor| {
        let name = message.full_name().strip_prefix("google.protobuf.");
        matches!(name, Some("Struct" | "Value" | "ListValue"))
    };
    kind.as_message().is_some_and(json)
}

/// Of a oneof only one member can be shown.
pub(super) fn is_first_of_oneof(field: &FieldDescriptor) -> bool {
    let oneof = field.containing_oneof();
    oneof.is_none_or(|oneof| oneof.fields().next().as_ref() == Some(field))
}
