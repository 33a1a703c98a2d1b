//! Values that cannot stand side by side: of two for one field the first source wins, or neither.

use std::cmp::Ordering;

use prost_reflect::{FieldDescriptor, OneofDescriptor};

use super::{BoundValue, Target, conflict};
use crate::{refusal::Refusal, rules::exclusive, settings::Conflict};

/// `values` come in the order of their sources, the strongest first.
pub(super) fn settle(values: &mut Vec<BoundValue>, on_conflict: Conflict) -> Result<(), Refusal> {
    if values.len() < 2 {
        return Ok(());
    }
    // What cannot stand side by side stands side by side in this order.
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|one, other| compare(&values[*one].target, &values[*other].target));
    let mut keep = vec![true; values.len()];
    let mut winner = &values[order[0]];
    for index in &order[1..] {
        let value = &values[*index];
        if compare(&winner.target, &value.target) != Ordering::Equal || value.target.takes_many() {
            refuse_oneof(winner, value)?;
            winner = value;
            continue;
        }
        if winner.source == value.source {
            let message = "this is given twice; it takes one value";
            return Err(Refusal::invalid(value.target.name(), message));
        }
        if on_conflict == Conflict::Refuse && winner.value != value.value {
            return Err(conflict(value.target.name()));
        }
        keep[*index] = false;
    }
    let mut keep = keep.into_iter();
    values.retain(|_| keep.next() == Some(true));
    Ok(())
}

/// By the way to the field; members of a oneof come next to each other.
fn compare(one: &Target, other: &Target) -> Ordering {
    let ways = one.fields.iter().zip(other.fields.iter()).enumerate();
    let mut orders = ways.map(|(place, (ours, theirs))| {
        if ours == theirs {
            return one.element(place).cmp(&other.element(place));
        }
        let by_group = group(ours).cmp(&group(theirs));
        by_group.then_with(|| ours.number().cmp(&theirs.number()))
    });
    let differ = orders.find(|order| order.is_ne());
    differ.unwrap_or_else(|| one.fields.len().cmp(&other.fields.len()))
}

/// The number of the field, or of the first member of its oneof.
fn group(field: &FieldDescriptor) -> u32 {
    let first = field
        .containing_oneof()
        .and_then(|oneof| oneof.fields().next());
    first.as_ref().unwrap_or(field).number()
}

fn refuse_oneof(one: &BoundValue, other: &BoundValue) -> Result<(), Refusal> {
    let (one, other) = (&one.target, &other.target);
    let Some((place, ours, theirs)) = exclusive(&one.fields, &other.fields) else {
        return Ok(());
    };
    // Different elements are different messages.
    if (0..place).any(|place| one.element(place) != other.element(place)) {
        return Ok(());
    }
    let oneof = ours.containing_oneof();
    let message = format!(
        "`{}` and `{}` are both in the oneof `{}`, which takes one of them",
        ours.name(),
        theirs.name(),
        oneof.as_ref().map_or("", OneofDescriptor::name)
    );
    Err(Refusal::invalid(other.name(), message))
}
