//! What printing needs to know of messages, worked out once.

use std::collections::HashMap;

use prost_reflect::{
    Cardinality, EnumDescriptor, FieldDescriptor, Kind as Reflected, MessageDescriptor, Syntax,
};

use super::{Irregular, Result, print_text, varint};
use crate::json::written_as_value;

/// A message and all that can be within it.
#[derive(Debug)]
pub(crate) struct Shapes(Vec<Shape>);

/// One type of messages.
#[derive(Debug)]
pub(super) struct Shape {
    /// In the order of their numbers.
    fields: Vec<Field>,
    /// None is printed here.
    irregular: bool,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    /// With quotes and colon.
    pub(super) json_name: Box<str>,
    pub(super) proto_name: Box<str>,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
    /// Of a list: its elements are written one after the other, under one key.
    pub(super) packed: bool,
    /// Whether it is printed with its default, if it is there.
    pub(super) presence: bool,
    /// A bit for the oneof that it is in.
    pub(super) oneof: u64,
}

#[derive(Debug)]
pub(super) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(Enumeration),
    /// By its place in the list.
    Message(usize),
    /// Printed in a way of its own.
    Special(MessageDescriptor),
    /// Not printed here.
    Other,
}

/// Names by numbers, with quotes; the first of several with the same number.
#[derive(Debug)]
pub(super) struct Enumeration {
    names: Vec<(i32, Box<str>)>,
    descriptor: EnumDescriptor,
}

impl Shapes {
    pub(crate) fn of(message: &MessageDescriptor) -> Self {
        let mut found = Found::default();
        found.place(message);
        let mut shapes = Vec::new();
        while let Some(message) = found.messages.get(shapes.len()).cloned() {
            shapes.push(Shape::of(&message, &mut found));
        }
        Self(shapes)
    }

    pub(super) fn root(&self) -> Result<&Shape> {
        self.get(0)
    }

    pub(super) fn get(&self, place: usize) -> Result<&Shape> {
        let shape = self.0.get(place);
        shape.filter(|shape| !shape.irregular).ok_or(Irregular)
    }
}

/// Messages that have been met, in the order of their places.
#[derive(Default)]
struct Found {
    messages: Vec<MessageDescriptor>,
    places: HashMap<String, usize>,
}

impl Found {
    fn place(&mut self, message: &MessageDescriptor) -> usize {
        let next = self.messages.len();
        let place = *self
            .places
            .entry(message.full_name().to_owned())
            .or_insert(next);
        if place == next {
            self.messages.push(message.clone());
        }
        place
    }
}

impl Shape {
    fn of(message: &MessageDescriptor, found: &mut Found) -> Self {
        let fields = message.fields().map(|field| Field::of(&field, found));
        Self {
            fields: fields.collect(),
            // Bits for oneofs are few.
            irregular: written_as_value(message) || message.oneofs().len() > 64,
        }
    }

    /// The field with this number, and its place, which is not before `at`.
    pub(super) fn find(&self, number: u32, at: usize) -> Option<(usize, &Field)> {
        let rest = self.fields.get(at..)?;
        let ahead = rest.iter().position(|field| field.number >= number)?;
        let field = &rest[ahead];
        (field.number == number).then_some((at + ahead, field))
    }
}

impl Shape {
    /// The field with this name in either spelling, and its place.
    pub(super) fn named(&self, name: &str) -> Option<(usize, &Field)> {
        // Both are kept with quotes and colon.
        let is = |known: &str| {
            known.len() == name.len() + 3 && known.as_bytes()[1..].starts_with(name.as_bytes())
        };
        let by_json_name = self.fields.iter().position(|field| is(&field.json_name));
        let place =
            by_json_name.or_else(|| self.fields.iter().position(|field| is(&field.proto_name)))?;
        Some((place, &self.fields[place]))
    }
}

impl Field {
    fn of(field: &FieldDescriptor, found: &mut Found) -> Self {
        let quoted = |name: &str| {
            let mut quoted = String::new();
            print_text(name, &mut quoted);
            quoted.push(':');
            quoted.into()
        };
        let message = field.parent_message();
        let place = field
            .containing_oneof()
            .and_then(|oneof| message.oneofs().position(|other| other == oneof));
        Self {
            number: field.number(),
            json_name: quoted(field.json_name()),
            proto_name: quoted(field.name()),
            kind: Kind::of(field, found),
            repeated: field.cardinality() == Cardinality::Repeated,
            packed: field.is_packed(),
            presence: field.supports_presence(),
            oneof: place
                .and_then(|place| u32::try_from(place).ok())
                .and_then(|place| 1u64.checked_shl(place))
                .unwrap_or_default(),
        }
    }
}

impl Kind {
    fn of(field: &FieldDescriptor, found: &mut Found) -> Self {
        // Maps are printed in the order of their keys, and groups are rare.
        if field.is_map() || field.is_group() {
            return Self::Other;
        }
        match field.kind() {
            Reflected::Double => Self::Double,
            Reflected::Float => Self::Float,
            Reflected::Int32 => Self::Int32,
            Reflected::Int64 => Self::Int64,
            Reflected::Uint32 => Self::Uint32,
            Reflected::Uint64 => Self::Uint64,
            Reflected::Sint32 => Self::Sint32,
            Reflected::Sint64 => Self::Sint64,
            Reflected::Fixed32 => Self::Fixed32,
            Reflected::Fixed64 => Self::Fixed64,
            Reflected::Sfixed32 => Self::Sfixed32,
            Reflected::Sfixed64 => Self::Sfixed64,
            Reflected::Bool => Self::Bool,
            Reflected::String => Self::String,
            Reflected::Bytes => Self::Bytes,
            // A field without presence may have a default of its own there.
            Reflected::Enum(values)
                if values.parent_file().syntax() == Syntax::Proto3
                    && values.full_name() != "google.protobuf.NullValue" =>
            {
                Self::Enum(Enumeration::of(&values))
            }
            Reflected::Enum(_) => Self::Other,
            Reflected::Message(inner) if written_as_value(&inner) => Self::Special(inner),
            Reflected::Message(inner) => Self::Message(found.place(&inner)),
        }
    }

    pub(super) fn wire(&self) -> u8 {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => varint::FIXED64,
            Self::Float | Self::Fixed32 | Self::Sfixed32 => varint::FIXED32,
            Self::String | Self::Bytes | Self::Message(_) | Self::Special(_) | Self::Other => {
                varint::LENGTH
            }
            _ => varint::VARINT,
        }
    }

    pub(super) fn is_packable(&self) -> bool {
        self.wire() != varint::LENGTH
    }
}

impl Enumeration {
    fn of(descriptor: &EnumDescriptor) -> Self {
        let mut names: Vec<(i32, Box<str>)> = descriptor
            .values()
            .filter_map(|value| descriptor.get_value(value.number()))
            .map(|value| (value.number(), format!("\"{}\"", value.name()).into()))
            .collect();
        names.sort_by_key(|(number, _)| *number);
        names.dedup_by_key(|(number, _)| *number);
        Self {
            names,
            descriptor: descriptor.clone(),
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<i32> {
        let value = self.descriptor.get_value_by_name(name)?;
        Some(value.number())
    }

    pub(super) fn name(&self, number: i32) -> Option<&str> {
        let place = self
            .names
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        Some(&self.names[place].1)
    }
}
