//! JSON Schemas of messages and enums, as ProtoJSON writes them.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value as Json, json};

use super::comments::Comments;
use crate::settings::{EnumStyle, FieldNames, Int64, PrintSettings};

/// All that is referred to.
pub(super) struct Schemas<'a> {
    print: &'a PrintSettings,
    comments: &'a Comments,
    done: BTreeMap<String, Json>,
    /// What has been referred to, done or not.
    known: BTreeSet<String>,
    waiting: Vec<MessageDescriptor>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(print: &'a PrintSettings, comments: &'a Comments) -> Self {
        Self {
            print,
            comments,
            done: BTreeMap::new(),
            known: BTreeSet::new(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Json {
        while let Some(message) = self.waiting.pop() {
            let schema = self.properties(&message);
            self.done.insert(message.full_name().to_owned(), schema);
        }
        Json::Object(self.done.into_iter().collect())
    }

    /// The name that is printed.
    pub(super) fn name<'f>(&self, field: &'f FieldDescriptor) -> &'f str {
        match self.print.names {
            FieldNames::Json => field.json_name(),
            FieldNames::Proto => field.name(),
        }
    }

    pub(super) fn field(&mut self, field: &FieldDescriptor) -> Json {
        let mut schema = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let values = self.kind(&entry.map_entry_value_field().kind());
                json!({ "type": "object", "additionalProperties": values })
            }
            kind if field.is_list() => json!({ "type": "array", "items": self.kind(&kind) }),
            kind => self.kind(&kind),
        };
        if let Some(text) = self.comments.get(&field.parent_file(), field.path()) {
            schema["description"] = json!(text);
        }
        if let Some(oneof) = field
            .containing_oneof()
            .filter(|oneof| !oneof.is_synthetic())
        {
            let note = format!("At most one of the oneof `{}` is set.", oneof.name());
            let text = schema["description"]
                .as_str()
                .map(|text| format!("{text}\n\n{note}"));
            schema["description"] = json!(text.unwrap_or(note));
        }
        schema
    }

    pub(super) fn kind(&mut self, kind: &Kind) -> Json {
        match kind {
            Kind::Double => number("double"),
            Kind::Float => number("float"),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({ "type": "integer", "format": "int32" })
            }
            Kind::Uint32 | Kind::Fixed32 => {
                json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => self.int64("int64"),
            Kind::Uint64 | Kind::Fixed64 => self.int64("uint64"),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Enum(descriptor) => self.enumeration(descriptor),
            Kind::Message(descriptor) => self.message(descriptor),
        }
    }

    fn int64(&self, format: &str) -> Json {
        match self.print.int64 {
            Int64::String => json!({ "type": "string", "format": format, "pattern": "^-?[0-9]+$" }),
            Int64::Number => json!({ "type": "integer", "format": format }),
            Int64::NumberIfSafe => json!({ "type": ["integer", "string"], "format": format }),
        }
    }

    fn enumeration(&mut self, descriptor: &EnumDescriptor) -> Json {
        let name = descriptor.full_name();
        if name == "google.protobuf.NullValue" {
            return json!({ "type": "null" });
        }
        if self.known.insert(name.to_owned()) {
            let values = descriptor.values();
            let mut schema = match self.print.enums {
                EnumStyle::Name => {
                    let names: Vec<_> = values.map(|value| value.name().to_owned()).collect();
                    json!({ "type": "string", "enum": names })
                }
                EnumStyle::Number => {
                    let numbers: Vec<_> = values.map(|value| value.number()).collect();
                    json!({ "type": "integer", "enum": numbers })
                }
            };
            if let Some(text) = self
                .comments
                .get(&descriptor.parent_file(), descriptor.path())
            {
                schema["description"] = json!(text);
            }
            self.done.insert(name.to_owned(), schema);
        }
        reference(name)
    }

    pub(super) fn message(&mut self, descriptor: &MessageDescriptor) -> Json {
        if let Some(schema) = self.well_known(descriptor) {
            return schema;
        }
        if self.known.insert(descriptor.full_name().to_owned()) {
            self.waiting.push(descriptor.clone());
        }
        reference(descriptor.full_name())
    }

    /// Messages that JSON writes in a way of their own.
    fn well_known(&mut self, descriptor: &MessageDescriptor) -> Option<Json> {
        Some(
            match descriptor.full_name().strip_prefix("google.protobuf.")? {
                "Timestamp" => json!({ "type": "string", "format": "date-time" }),
                "Duration" => json!({ "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$" }),
                "FieldMask" => {
                    json!({ "type": "string", "description": "Names of fields, separated by commas." })
                }
                "Struct" => json!({ "type": "object" }),
                "Value" => json!({}),
                "ListValue" => json!({ "type": "array", "items": {} }),
                "Empty" => json!({ "type": "object", "properties": {} }),
                "Any" => json!({
                    "type": "object",
                    "properties": { "@type": { "type": "string", "description": "The URL of the message's type." } },
                    "required": ["@type"],
                }),
                "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
                | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => {
                    let inner = self.kind(&descriptor.get_field(1)?.kind());
                    json!({ "anyOf": [inner, { "type": "null" }] })
                }
                _ => return None,
            },
        )
    }

    fn properties(&mut self, message: &MessageDescriptor) -> Json {
        let properties: Map<_, _> = message
            .fields()
            .map(|field| (self.name(&field).to_owned(), self.field(&field)))
            .collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if let Some(text) = self.comments.get(&message.parent_file(), message.path()) {
            schema["description"] = json!(text);
        }
        schema
    }
}

fn number(format: &str) -> Json {
    let others = json!({ "enum": ["NaN", "Infinity", "-Infinity"] });
    json!({ "anyOf": [{ "type": "number", "format": format }, others] })
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
