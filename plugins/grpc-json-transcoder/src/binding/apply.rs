//! A value into a message, over what is there.

use prost_reflect::{DynamicMessage, FieldDescriptor, Value};

use super::{BoundValue, conflict, target::Element};
use crate::{refusal::Refusal, settings::Conflict};

impl BoundValue {
    pub(super) fn apply(
        &self,
        message: &mut DynamicMessage,
        on_conflict: Conflict,
    ) -> Result<(), Refusal> {
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
