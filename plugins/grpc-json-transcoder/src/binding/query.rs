//! The parameters of a query or a form.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

use super::{
    Bound, Source,
    decode::Decoding,
    target::{Element, Resolver, Target, Unbound},
};
use crate::{
    refusal::Refusal,
    rules::{BodyRule, Rule},
    settings::{Conflict, Settings, UnknownParameters},
};

/// What parameters may bind.
pub(super) struct Parameters<'a> {
    message: MessageDescriptor,
    body: &'a BodyRule,
    capture: Option<&'a FieldDescriptor>,
    source: Source,
    settings: &'a Settings,
}

impl<'a> Parameters<'a> {
    pub(super) fn of_query(rule: &'a Rule, settings: &'a Settings) -> Self {
        Self {
            message: rule.rpc.input(),
            body: &rule.body,
            capture: rule.capture.as_ref(),
            source: Source::Query,
            settings,
        }
    }

    pub(super) fn of_form(message: &MessageDescriptor, settings: &'a Settings) -> Self {
        Self {
            message: message.clone(),
            body: &BodyRule::None,
            capture: None,
            source: Source::Form,
            settings,
        }
    }

    pub(super) fn bind(&self, text: &str, bound: &mut Bound) -> Result<(), Refusal> {
        let query = &self.settings.query;
        let decoding = Decoding::query(query.plus_is_space, self.settings.path.malformed_escapes);
        let parameters = text.split('&').filter(|parameter| !parameter.is_empty());
        for parameter in parameters {
            let (raw_name, raw_value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let name = decoding.decode(raw_name).map_err(|message| {
                Refusal::invalid("", format!("the parameter `{raw_name}`: {message}"))
            })?;
            if query.ignore.iter().any(|ignored| **ignored == *name) {
                continue;
            }
            let value = decoding
                .decode(raw_value)
                .map_err(|message| Refusal::invalid(&*name, message))?;
            self.parameter(raw_name, &name, &value, bound)?;
        }
        Ok(())
    }

    fn parameter(
        &self,
        raw_name: &str,
        name: &str,
        value: &str,
        bound: &mut Bound,
    ) -> Result<(), Refusal> {
        // A body that is the whole message leaves nothing for the query (http.proto).
        let target = match self.body {
            BodyRule::Whole => Err(Unbound::Unknown),
            BodyRule::None | BodyRule::Field(_) => self.resolve(raw_name, name),
        };
        match target {
            Ok(target) => self.value(target, value, bound),
            Err(Unbound::Unknown) => self.unknown(name, value, bound),
            Err(Unbound::Wrong(message)) => Err(Refusal::invalid(name, message)),
        }
    }

    /// JSON names that hold an escape are written raw.
    fn resolve(&self, raw_name: &str, name: &str) -> Result<Target, Unbound> {
        let resolver = Resolver {
            settings: self.settings,
        };
        match resolver.resolve(&self.message, name) {
            Err(Unbound::Unknown) if raw_name != name => resolver.resolve(&self.message, raw_name),
            target => target,
        }
    }

    fn value(&self, target: Target, value: &str, bound: &mut Bound) -> Result<(), Refusal> {
        if matches!(self.body, BodyRule::Field(fields) if **fields == *target.fields) {
            // The field is the body; it is not left for the query.
            return match self.settings.body.on_conflict {
                Conflict::Path => Ok(()),
                Conflict::Refuse => Err(Refusal::invalid(
                    target.name(),
                    "this is the body; leave the parameter out",
                )),
            };
        }
        if !(self.settings.query.comma_separated && target.takes_many()) {
            return bound.add(target, value, self.source, self.settings);
        }
        value
            .split(',')
            .try_for_each(|value| bound.add(target.clone(), value, self.source, self.settings))
    }

    fn unknown(&self, name: &str, value: &str, bound: &mut Bound) -> Result<(), Refusal> {
        match (self.settings.query.unknown, self.capture) {
            (UnknownParameters::Ignore, _) => Ok(()),
            (UnknownParameters::Capture, Some(field)) => capture(field, name, value, bound),
            (UnknownParameters::Refuse | UnknownParameters::Capture, _) => {
                let of = self.message.full_name();
                let message = match self.body {
                    BodyRule::Whole => {
                        "the body is the whole message; a parameter cannot add to it".to_owned()
                    }
                    BodyRule::None | BodyRule::Field(_) => format!("{of} has no such field"),
                };
                Err(Refusal::invalid(name, message))
            }
        }
    }
}

/// Puts a parameter into a map of strings, or into a google.protobuf.Struct.
fn capture(
    field: &FieldDescriptor,
    name: &str,
    value: &str,
    bound: &mut Bound,
) -> Result<(), Refusal> {
    let text = Value::String(value.to_owned());
    let mut fields = vec![field.clone()];
    let value = match field.kind() {
        Kind::Message(message) if !field.is_map() => {
            let inner = message.get_field_by_name("fields");
            let kind = inner.as_ref().map(FieldDescriptor::kind);
            let entry = kind.as_ref().and_then(Kind::as_message);
            let Some(entry) = entry else { return Ok(()) };
            let value = struct_value(entry, text);
            fields.extend(inner);
            value
        }
        _ => text,
    };
    let target = Target {
        elements: vec![(
            fields.len() - 1,
            Element::Key(MapKey::String(name.to_owned())),
        )],
        fields: fields.into(),
    };
    bound.put(target, value, Source::Query)
}

/// A google.protobuf.Value that holds a string; `entry` is what the map of a Struct is made of.
fn struct_value(entry: &MessageDescriptor, text: Value) -> Value {
    let kind = entry.map_entry_value_field().kind();
    let Kind::Message(value) = kind else {
        return text;
    };
    let mut message = DynamicMessage::new(value);
    let _ = message.try_set_field_by_name("string_value", text);
    Value::Message(message)
}
