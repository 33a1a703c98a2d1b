//! From JSON text to messages.

mod any;
mod scalar;
mod well_known;

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

pub(crate) use any::written_as_value;
pub(crate) use scalar::{enum_by_name, kind_name, legal_names, map_key};
pub(crate) use well_known::snake_case;

use super::{
    base64,
    cursor::{Bounds, Cursor},
    error::{JsonError, Step},
    number,
};
use crate::settings::{Settings, UnknownFields};

/// How strictly a text is read. What is no JSON by RFC 8259 is never read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadOptions {
    pub(crate) bounds: Bounds,
    /// Whether members that name no field are an error.
    pub(crate) refuse_unknown: bool,
    /// Whether names of enum values are read in any case.
    pub(crate) any_case_enums: bool,
}

impl From<&Settings> for ReadOptions {
    fn from(settings: &Settings) -> Self {
        Self {
            bounds: Bounds::from(&settings.limits),
            refuse_unknown: settings.body.unknown_fields == UnknownFields::Refuse,
            any_case_enums: settings.body.any_case_enums,
        }
    }
}

/// Reads one JSON text.
pub(crate) struct Reader<'t> {
    cursor: Cursor<'t>,
    refuse_unknown: bool,
    any_case_enums: bool,
}

type Result<T> = std::result::Result<T, JsonError>;

/// The names that an object has had.
#[derive(Default)]
struct Seen<'t> {
    numbers: Vec<u32>,
    unknown: BTreeSet<Cow<'t, str>>,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t [u8], options: &ReadOptions) -> Result<Self> {
        Ok(Self {
            cursor: Cursor::new(text, options.bounds)?,
            refuse_unknown: options.refuse_unknown,
            any_case_enums: options.any_case_enums,
        })
    }

    /// The whole text is one message.
    pub(crate) fn message(mut self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        let message = self.any_message(descriptor)?;
        self.cursor.end()?;
        Ok(message)
    }

    /// The whole text is the value of one field; none if it is `null`.
    pub(crate) fn field(mut self, field: &FieldDescriptor) -> Result<Option<Value>> {
        let value = self.field_value(field)?;
        self.cursor.end()?;
        Ok(value)
    }

    fn any_message(&mut self, descriptor: &MessageDescriptor) -> Result<DynamicMessage> {
        if let Some(special) = descriptor.full_name().strip_prefix("google.protobuf.")
            && let Some(message) = self.well_known(special, descriptor)?
        {
            return Ok(message);
        }
        let mut message = DynamicMessage::new(descriptor.clone());
        self.cursor.begin_object()?;
        let mut seen = Seen::default();
        let mut first = true;
        while let Some(name) = self.cursor.next_key(first)? {
            first = false;
            self.member(&mut message, name, &mut seen)?;
        }
        Ok(message)
    }

    fn member(
        &mut self,
        message: &mut DynamicMessage,
        name: Cow<'t, str>,
        seen: &mut Seen<'t>,
    ) -> Result<()> {
        let descriptor = message.descriptor();
        let field = descriptor
            .get_field_by_json_name(&name)
            .or_else(|| descriptor.get_field_by_name(&name));
        let Some(field) = field else {
            return self.unknown_member(name, &descriptor, seen);
        };
        if seen.numbers.contains(&field.number()) {
            let error = self.cursor.error(format!(
                "`{}` comes twice; `{}` and `{}` are the same field",
                field.name(),
                field.name(),
                field.json_name()
            ));
            return Err(error.within_member(&name));
        }
        seen.numbers.push(field.number());
        let start = self.cursor.offset();
        let value = self
            .field_value(&field)
            .map_err(|error| error.within_member(&name))?;
        let Some(value) = value else {
            return Ok(());
        };
        if let Some(oneof) = field.containing_oneof() {
            let other = oneof.fields().find(|other| message.has_field(other));
            if let Some(other) = other {
                let error = JsonError::new(
                    start,
                    format!(
                        "`{}` and `{}` are both in the oneof `{}`, which takes one of them",
                        other.name(),
                        field.name(),
                        oneof.name()
                    ),
                );
                return Err(error.within_member(&name));
            }
        }
        message.set_field(&field, value);
        Ok(())
    }

    fn unknown_member(
        &mut self,
        name: Cow<'t, str>,
        descriptor: &MessageDescriptor,
        seen: &mut Seen<'t>,
    ) -> Result<()> {
        if self.refuse_unknown {
            let message = format!("there is no such field in {}", descriptor.full_name());
            return Err(self.cursor.error(message).within_member(&name));
        }
        if seen.unknown.contains(&name) {
            let error = self.cursor.error("this name comes twice in one object");
            return Err(error.within_member(&name));
        }
        self.cursor
            .skip()
            .map_err(|error| error.within_member(&name))?;
        seen.unknown.insert(name);
        Ok(())
    }

    /// None for `null`, which leaves the field as it is.
    fn field_value(&mut self, field: &FieldDescriptor) -> Result<Option<Value>> {
        let kind = field.kind();
        let plain = !field.is_list() && !field.is_map();
        if !(plain && takes_null(&kind)) && self.cursor.null()? {
            return Ok(None);
        }
        if field.is_list() {
            return self.list(&kind).map(Some);
        }
        if field.is_map()
            && let Kind::Message(entry) = &kind
        {
            return self.map(entry).map(Some);
        }
        self.single(&kind).map(Some)
    }

    fn list(&mut self, kind: &Kind) -> Result<Value> {
        self.cursor.begin_array()?;
        let mut values = Vec::new();
        while self.cursor.next_element(values.len())? {
            let value = self
                .element(kind)
                .map_err(|error| error.within(Step::Element(values.len())))?;
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn map(&mut self, entry: &MessageDescriptor) -> Result<Value> {
        let key_kind = entry.map_entry_key_field().kind();
        let value_kind = entry.map_entry_value_field().kind();
        self.cursor.begin_object()?;
        let mut map = HashMap::new();
        let mut first = true;
        while let Some(name) = self.cursor.next_key(first)? {
            first = false;
            let key = self
                .map_key(&name, &key_kind)
                .map_err(|error| error.within_member(&name))?;
            let value = self
                .element(&value_kind)
                .map_err(|error| error.within_member(&name))?;
            if map.insert(key, value).is_some() {
                let error = self.cursor.error("this key comes twice in one map");
                return Err(error.within_member(&name));
            }
        }
        Ok(Value::Map(map))
    }

    fn map_key(&self, text: &str, kind: &Kind) -> Result<MapKey> {
        map_key(text, kind).ok_or_else(|| {
            self.cursor
                .error(format!("`{text}` is no key of type {}", kind_name(kind)))
        })
    }

    /// An element of a list or the value of a map: never `null`, unless that is a value of its type.
    fn element(&mut self, kind: &Kind) -> Result<Value> {
        if !takes_null(kind) && self.cursor.peek()? == b'n' {
            return Err(self.cursor.unexpected(&kind_name(kind)));
        }
        self.single(kind)
    }

    fn single(&mut self, kind: &Kind) -> Result<Value> {
        Ok(match kind {
            Kind::Bool => Value::Bool(self.cursor.boolean()?),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(self.integer(kind)?),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(self.integer(kind)?),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(self.integer(kind)?),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.integer(kind)?),
            Kind::Float => Value::F32(self.floating(kind, number::float)?),
            Kind::Double => Value::F64(self.floating(kind, number::double)?),
            Kind::String => Value::String(self.string_of(kind)?.into_owned()),
            Kind::Bytes => {
                let text = self.string_of(kind)?;
                let bytes = base64::decode(text.as_bytes())
                    .ok_or_else(|| self.cursor.error("this is not base64"))?;
                Value::Bytes(bytes.into())
            }
            Kind::Enum(descriptor) => Value::EnumNumber(self.enumeration(descriptor)?),
            Kind::Message(descriptor) => Value::Message(self.any_message(descriptor)?),
        })
    }
}

/// Whether `null` is a value of this type rather than the lack of one.
fn takes_null(kind: &Kind) -> bool {
    match kind {
        Kind::Message(message) => message.full_name() == "google.protobuf.Value",
        Kind::Enum(descriptor) => descriptor.full_name() == "google.protobuf.NullValue",
        _ => false,
    }
}
