//! A request's message written as its bytes at once, where that says the same as a message in between.
//!
//! Path and query come behind the body: of a field that comes twice, the last is what a decoder keeps, and what is in
//! messages it merges. Where that is not the same as setting the field, there is nothing to be had here.

use prost_reflect::{FieldDescriptor, Value};

use super::Reading;
use crate::{
    binding::{Bound, BoundValue},
    frame,
    json::wire::write::{delimited, key, scalar},
    rules::BodyRule,
    settings::Conflict,
};

/// The wire type of messages.
const LENGTH: u8 = 2;
/// That this is not the way; the other one says whether anything is wrong.
struct Otherwise;

impl Reading<'_> {
    /// The framed message; none if it has to be made in the other way.
    pub(super) fn directly(&self, bound: Option<&Bound>, body: &[u8]) -> Option<Vec<u8>> {
        let values = bound.map(Bound::values).unwrap_or_default();
        let plain = values.iter().all(|bound| bound.target.is_plain());
        let last_wins = self.settings.body.on_conflict == Conflict::Path;
        if !plain || !last_wins || self.plan.mask.is_some() {
            return None;
        }
        let mut out = Vec::with_capacity(body.len() + 64);
        out.resize(frame::PREFIX, 0);
        self.message(values, body, &mut out).ok()?;
        frame::complete(&mut out);
        Some(out)
    }

    fn message(
        &self,
        values: &[BoundValue],
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Otherwise> {
        let mut within = None;
        match &self.plan.body {
            BodyRule::Whole if !body.is_empty() => self.object(body, out)?,
            BodyRule::Field(path) if !body.is_empty() => {
                let [field] = path.as_slice() else {
                    return Err(Otherwise);
                };
                if field.is_list() || field.is_map() || field.is_group() {
                    return Err(Otherwise);
                }
                within = Some(field);
                key(field.number(), LENGTH, out);
                delimited(out, |out| {
                    self.object(body, out)?;
                    let mut values = values.iter().filter(|value| is_within(value, field));
                    values
                        .try_for_each(|bound| append(&bound.target.fields[1..], &bound.value, out))
                })?;
            }
            _ => {}
        }
        let mut rest = values
            .iter()
            .filter(|value| !within.is_some_and(|field| is_within(value, field)));
        rest.try_for_each(|bound| append(&bound.target.fields, &bound.value, out))
    }

    fn object(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Otherwise> {
        let shapes = self.plan.body_shapes().ok_or(Otherwise)?;
        shapes
            .write(body, self.options.bounds, out)
            .map_err(|_| Otherwise)
    }
}

fn is_within(bound: &BoundValue, field: &FieldDescriptor) -> bool {
    let fields = &bound.target.fields;
    fields.len() > 1 && fields[0].number() == field.number()
}

fn append(fields: &[FieldDescriptor], value: &Value, out: &mut Vec<u8>) -> Result<(), Otherwise> {
    match fields {
        [field] if scalar(field, value, out) => Ok(()),
        [field, rest @ ..] if !rest.is_empty() && !field.is_list() && !field.is_group() => {
            key(field.number(), LENGTH, out);
            delimited(out, |out| append(rest, value, out))
        }
        _ => Err(Otherwise),
    }
}

#[cfg(test)]
mod tests;
