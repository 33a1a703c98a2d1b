//! Which field a parameter names.

use std::{borrow::Cow, fmt::Write as _};

use prost_reflect::{FieldDescriptor, Kind, MapKey, MessageDescriptor};

use crate::{rules::FieldPath, scalar, settings::Settings};

/// A field, or an element of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// The fields on the way, of which there is one at least; the last is the one that is bound.
    pub(crate) fields: FieldPath,
    /// Elements of repeated fields and maps on the way: which of `fields`, and which element of it.
    pub(super) elements: Vec<(usize, Element)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    Index(usize),
    Key(MapKey),
}

/// Why a parameter is not bound.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unbound {
    /// It names no field.
    Unknown,
    /// It names one that one text cannot be; what is wrong.
    Wrong(String),
}

impl Target {
    /// A field without elements on the way.
    pub(super) fn plain(fields: &FieldPath) -> Self {
        Self {
            fields: fields.clone(),
            elements: Vec::new(),
        }
    }

    /// The element of the field at this place of `fields`.
    /// Fields within fields, and no element of a list or a map.
    pub(crate) fn is_plain(&self) -> bool {
        self.elements.is_empty()
    }

    pub(super) fn element(&self, place: usize) -> Option<&Element> {
        let mut elements = self.elements.iter();
        elements
            .find(|(at, _)| *at == place)
            .map(|(_, element)| element)
    }

    /// The kind of what one text is read as.
    pub(crate) fn kind(&self) -> Kind {
        let field = &self.fields[self.fields.len() - 1];
        match field.kind() {
            Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
            kind => kind,
        }
    }

    /// One, and the elements of lists that are made on the way.
    pub(super) fn cost(&self) -> u32 {
        let elements = self.elements.iter().map(|(_, element)| match element {
            Element::Index(index) => u32::try_from(index + 1).unwrap_or(u32::MAX),
            Element::Key(_) => 1,
        });
        elements.fold(1, u32::saturating_add)
    }

    /// Whether each further value is added to those before.
    pub(crate) fn takes_many(&self) -> bool {
        self.fields.last().is_some_and(FieldDescriptor::is_list)
    }

    /// The way by names of the .proto: `filters[0].author.name`, `labels[en]`.
    pub(crate) fn name(&self) -> String {
        let mut name = String::new();
        for (place, field) in self.fields.iter().enumerate() {
            if place > 0 {
                name.push('.');
            }
            name.push_str(field.name());
            let _ = match self.element(place) {
                Some(Element::Index(index)) => write!(name, "[{index}]"),
                Some(Element::Key(key)) => write!(name, "[{}]", key_text(key)),
                None => Ok(()),
            };
        }
        name
    }
}

pub(super) fn key_text(key: &MapKey) -> Cow<'_, str> {
    match key {
        MapKey::String(text) => Cow::Borrowed(text),
        MapKey::Bool(value) => Cow::Owned(value.to_string()),
        MapKey::I32(value) => Cow::Owned(value.to_string()),
        MapKey::I64(value) => Cow::Owned(value.to_string()),
        MapKey::U32(value) => Cow::Owned(value.to_string()),
        MapKey::U64(value) => Cow::Owned(value.to_string()),
    }
}

/// Finds the field for the name of a parameter, in which escapes are undone already.
pub(super) struct Resolver<'s> {
    pub(super) settings: &'s Settings,
}

/// What is found so far.
struct Way {
    /// Where the next field is looked for.
    message: MessageDescriptor,
    fields: Vec<FieldDescriptor>,
    elements: Vec<(usize, Element)>,
}

type Result<T> = std::result::Result<T, Unbound>;

impl Resolver<'_> {
    pub(super) fn resolve(&self, message: &MessageDescriptor, name: &str) -> Result<Target> {
        let mut way = Way {
            message: message.clone(),
            fields: Vec::new(),
            elements: Vec::new(),
        };
        let mut rest = way.field(name)?;
        while !rest.is_empty() {
            if way.fields.len() >= usize::from(self.settings.limits.depth) {
                return Err(wrong("this goes too deep"));
            }
            rest = if let Some(name) = rest.strip_prefix('.') {
                way.enter()?;
                way.field(name)?
            } else {
                let brackets = rest.get(1..).and_then(|rest| rest.split_once(']'));
                let (inner, rest) = brackets.ok_or_else(|| wrong("`]` is missing after `[`"))?;
                self.bracket(&mut way, inner)?;
                rest
            };
        }
        way.finish()
    }

    /// What `[inner]` after the last field means.
    fn bracket(&self, way: &mut Way, inner: &str) -> Result<()> {
        let field = way.fields.last().ok_or(Unbound::Unknown)?;
        let place = way.fields.len() - 1;
        let (list, map) = match way.at_element() {
            true => (false, false),
            false => (field.is_list(), field.is_map()),
        };
        match field.kind() {
            Kind::Message(entry) if map => {
                let kind = entry.map_entry_key_field().kind();
                let key = scalar::map_key(&kind, inner, self.settings).map_err(Unbound::Wrong)?;
                way.elements.push((place, Element::Key(key)));
            }
            // Another value is added, with or without brackets.
            _ if list && inner.is_empty() && self.settings.query.brackets => {}
            Kind::Message(_) if list && self.settings.query.repeated_messages > 0 => {
                let most = usize::from(self.settings.query.repeated_messages);
                let index = inner.parse().ok().filter(|index| *index < most);
                let index = index.ok_or_else(|| {
                    let places = format!("write a number from 0 to {}", most - 1);
                    Unbound::Wrong(format!("`[{inner}]` is no place in the list; {places}"))
                })?;
                way.elements.push((place, Element::Index(index)));
            }
            Kind::Message(_) if !list && self.settings.query.deep_object => {
                way.enter()?;
                let field = way.named(inner).ok_or(Unbound::Unknown)?;
                way.fields.push(field);
            }
            _ => return Err(Unbound::Unknown),
        }
        Ok(())
    }
}

impl Way {
    /// Takes the name of a field off the front. A JSON name may hold brackets: it is tried before they mean
    /// anything.
    fn field<'n>(&mut self, name: &'n str) -> Result<&'n str> {
        let ends = [name.find('.'), name.find('[')];
        for end in ends.map(|end| end.unwrap_or(name.len())) {
            if let Some(field) = self.named(&name[..end]) {
                self.fields.push(field);
                return Ok(&name[end..]);
            }
        }
        Err(Unbound::Unknown)
    }

    fn named(&self, name: &str) -> Option<FieldDescriptor> {
        let by_name = self.message.get_field_by_name(name);
        by_name.or_else(|| self.message.get_field_by_json_name(name))
    }

    /// Whether an element of the last field was named, rather than the field.
    fn at_element(&self) -> bool {
        let last = self.elements.last();
        last.is_some_and(|(place, _)| place + 1 == self.fields.len())
    }

    /// The kind of what was named last.
    fn kind(&self) -> Result<Kind> {
        let field = self.fields.last().ok_or(Unbound::Unknown)?;
        let name = field.name();
        match field.kind() {
            Kind::Message(entry) if field.is_map() => match self.at_element() {
                true => Ok(entry.map_entry_value_field().kind()),
                false => Err(wrong(format!("`{name}` is a map; write `{name}[key]`"))),
            },
            kind => Ok(kind),
        }
    }

    /// Goes on within what was named last.
    fn enter(&mut self) -> Result<()> {
        let Kind::Message(message) = self.kind()? else {
            return Err(Unbound::Unknown);
        };
        let list = self.fields.last().filter(|field| field.is_list());
        if let Some(field) = list.filter(|_| !self.at_element()) {
            let message = "is a list of messages, which a parameter cannot name";
            return Err(wrong(format!("`{}` {message}", field.name())));
        }
        self.message = message;
        Ok(())
    }

    fn finish(self) -> Result<Target> {
        let kind = self.kind()?;
        let indexed = matches!(self.elements.last(), Some((_, Element::Index(_))));
        if !scalar::is_text(&kind) || (indexed && self.at_element()) {
            let name = self.fields.last().map(|field| field.name().to_owned());
            let name = name.unwrap_or_default();
            return Err(wrong(format!(
                "`{name}` is a message; name one of its fields"
            )));
        }
        Ok(Target {
            fields: self.fields.into(),
            elements: self.elements,
        })
    }
}

fn wrong(message: impl Into<String>) -> Unbound {
    Unbound::Wrong(message.into())
}
