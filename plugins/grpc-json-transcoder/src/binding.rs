//! Values from the path, the query and header fields, and how they come into a message.

mod decode;
mod query;
mod settle;
mod target;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, Value};

use crate::{
    refusal::{Code, Refusal},
    rules::Match,
    scalar,
    settings::{Accept, Conflict, Settings},
    template::Variable,
};
use decode::Decoding;
use query::Parameters;
use target::Element;

pub(crate) use target::Target;

/// Values for fields of a message, none of which contradicts another.
#[derive(Debug)]
pub(crate) struct Bound {
    values: Vec<BoundValue>,
    on_conflict: Conflict,
    /// How many values there may be.
    most: u32,
}

/// A value for one field.
#[derive(Debug)]
pub(crate) struct BoundValue {
    pub(crate) target: Target,
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// Where a value comes from; what is named first wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Path,
    Query,
    Header,
    /// A form, which is a body.
    Form,
}

/// What the path and the query say.
pub(crate) fn bind(
    found: &Match<'_>,
    query: Option<&str>,
    settings: &Settings,
) -> Result<Bound, Refusal> {
    let mut bound = Bound::new(settings);
    let query = query.filter(|query| !query.is_empty());
    for (variable, fields, raw) in found.captures() {
        let target = Target::plain(fields);
        let text = path_text(variable, raw, settings)
            .map_err(|message| Refusal::invalid(target.name(), message))?;
        bound.add(target, &text, Source::Path, settings)?;
    }
    if let Some(query) = query {
        Parameters::of_query(found.rule, settings).bind(query, &mut bound)?;
        bound.settle()?;
    }
    Ok(bound)
}

/// What a body of type `application/x-www-form-urlencoded` says about a message.
pub(crate) fn bind_form(
    message: &MessageDescriptor,
    form: &str,
    settings: &Settings,
) -> Result<Bound, Refusal> {
    let mut bound = Bound::new(settings);
    Parameters::of_form(message, settings).bind(form, &mut bound)?;
    bound.settle()?;
    Ok(bound)
}

fn path_text<'p>(
    variable: &Variable,
    raw: &'p str,
    settings: &Settings,
) -> Result<Cow<'p, str>, &'static str> {
    let path = &settings.path;
    let decoding = if variable.multi {
        Decoding::segments(path.keep_escaped, path.malformed_escapes)
    } else {
        Decoding::segment(path.malformed_escapes)
    };
    let text = decoding.decode(raw)?;
    if path.encoded_slash == Accept::Refuse && !variable.multi && text.contains('/') {
        return Err("an encoded slash is not accepted here");
    }
    let dots = |segment: &str| matches!(segment, "." | "..");
    if path.dot_segments == Accept::Refuse && text.split('/').any(dots) {
        return Err("the segments `.` and `..` are not accepted here");
    }
    Ok(text)
}

impl Bound {
    fn new(settings: &Settings) -> Self {
        Self {
            values: Vec::new(),
            on_conflict: settings.body.on_conflict,
            most: settings.limits.fields,
        }
    }

    pub(crate) fn values(&self) -> &[BoundValue] {
        &self.values
    }

    /// Binds the header fields that the rule binds; they yield to the path and the query.
    pub(crate) fn bind_headers(
        &mut self,
        found: &Match<'_>,
        header: impl Fn(&str) -> Option<String>,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        if found.rule.headers.is_empty() {
            return Ok(());
        }
        for (name, fields) in &found.rule.headers {
            if let Some(text) = header(name) {
                self.add(Target::plain(fields), &text, Source::Header, settings)?;
            }
        }
        self.settle()
    }

    /// The variables of a path are different fields; only what comes later can contradict.
    fn settle(&mut self) -> Result<(), Refusal> {
        settle::settle(&mut self.values, self.on_conflict)
    }

    fn add(
        &mut self,
        target: Target,
        text: &str,
        source: Source,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let value = scalar::parse(&target.kind(), text, &settings.limits)
            .map_err(|message| Refusal::invalid(target.name(), message))?;
        self.put(target, value, source)
    }

    fn put(&mut self, target: Target, value: Value, source: Source) -> Result<(), Refusal> {
        if self.values.len() >= self.most as usize {
            let message = format!("there are more than {} values", self.most);
            return Err(Refusal::with_status(Code::ResourceExhausted, 400, message));
        }
        self.values.push(BoundValue {
            target,
            value,
            source,
        });
        Ok(())
    }

    /// Puts the values over what the body gave.
    pub(crate) fn apply(&self, message: &mut DynamicMessage) -> Result<(), Refusal> {
        for bound in &self.values {
            bound.apply(message, self.on_conflict)?;
        }
        Ok(())
    }
}

impl BoundValue {
    fn apply(&self, message: &mut DynamicMessage, on_conflict: Conflict) -> Result<(), Refusal> {
        let Some((last, way)) = self.target.fields.split_last() else {
            return Ok(());
        };
        let mut message = message;
        for (place, field) in way.iter().enumerate() {
            if on_conflict == Conflict::Refuse {
                self.refuse_oneof(message, field)?;
            }
            let inner = inner_message(message, field, self.target.element(place));
            let Some(inner) = inner else {
                return Err(Refusal::invalid(
                    self.target.name(),
                    "this is no field of a message",
                ));
            };
            message = inner;
        }
        if on_conflict == Conflict::Refuse {
            self.refuse_oneof(message, last)?;
            if self.differs(message, last) {
                return Err(conflict(self.target.name()));
            }
        }
        match self.target.element(way.len()) {
            Some(Element::Key(key)) => {
                if let Value::Map(map) = message.get_field_mut(last) {
                    map.insert(key.clone(), self.value.clone());
                }
            }
            _ if last.is_list() => {
                if let Value::List(list) = message.get_field_mut(last) {
                    list.push(self.value.clone());
                }
            }
            _ => message.set_field(last, self.value.clone()),
        }
        Ok(())
    }

    /// Whether the body gave another value.
    fn differs(&self, message: &DynamicMessage, last: &FieldDescriptor) -> bool {
        if !message.has_field(last) || last.is_list() {
            return false;
        }
        let given = message.get_field(last);
        match self.target.element(self.target.fields.len() - 1) {
            Some(Element::Key(key)) => {
                let given = given.as_map().and_then(|map| map.get(key));
                given.is_some_and(|given| *given != self.value)
            }
            _ => *given != self.value,
        }
    }

    /// Setting one member of a oneof would take away another that the body gave.
    fn refuse_oneof(
        &self,
        message: &DynamicMessage,
        field: &FieldDescriptor,
    ) -> Result<(), Refusal> {
        let taken = field.containing_oneof().is_some_and(|oneof| {
            let mut members = oneof.fields();
            members.any(|member| member != *field && message.has_field(&member))
        });
        if taken {
            return Err(conflict(self.target.name()));
        }
        Ok(())
    }
}

/// The message that a field holds, made if it is not there.
fn inner_message<'m>(
    message: &'m mut DynamicMessage,
    field: &FieldDescriptor,
    element: Option<&Element>,
) -> Option<&'m mut DynamicMessage> {
    let new = || {
        let kind = field.kind();
        let message = kind.as_message()?;
        let message = match element {
            Some(Element::Key(_)) => message.map_entry_value_field().kind().as_message()?.clone(),
            _ => message.clone(),
        };
        Some(Value::Message(DynamicMessage::new(message)))
    };
    let value = message.get_field_mut(field);
    let value = match element {
        None => value,
        Some(Element::Index(index)) => {
            let list = value.as_list_mut()?;
            while list.len() <= *index {
                list.push(new()?);
            }
            list.get_mut(*index)?
        }
        Some(Element::Key(key)) => {
            let map = value.as_map_mut()?;
            if !map.contains_key(key) {
                map.insert(key.clone(), new()?);
            }
            map.get_mut(key)?
        }
    };
    value.as_message_mut()
}

fn conflict(name: String) -> Refusal {
    Refusal::invalid(name, "this is given different values; give it once")
}
