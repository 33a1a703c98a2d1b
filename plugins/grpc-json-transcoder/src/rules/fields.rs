//! Fields by the paths that rules name them with.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::scalar;

/// The fields on the way to `path`, by their names in the .proto. All but the last are messages that come once.
pub(crate) fn resolve(
    message: &MessageDescriptor,
    path: &str,
) -> Result<Vec<FieldDescriptor>, String> {
    let mut fields = Vec::new();
    let mut message = message.clone();
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let field = message.get_field_by_name(name);
        let field = field.ok_or_else(|| missing(&message, name))?;
        if names.peek().is_some() {
            message = match field.kind() {
                Kind::Message(inner) if !field.is_list() && !field.is_map() => inner,
                _ => return Err(format!("`{}` has no fields to name", field.full_name())),
            };
        }
        fields.push(field);
    }
    Ok(fields)
}

fn missing(message: &MessageDescriptor, name: &str) -> String {
    let of = message.full_name();
    if let Some(meant) = message.get_field_by_json_name(name) {
        return format!(
            "{of} has no field `{name}`; write `{}`, its name in the .proto",
            meant.name()
        );
    }
    let names: Vec<_> = message
        .fields()
        .map(|field| format!("`{}`", field.name()))
        .collect();
    if names.is_empty() {
        return format!("{of} has no field `{name}`, and no other");
    }
    format!("{of} has no field `{name}`; there is {}", names.join(", "))
}

/// As [`resolve`], for what takes one text: a variable, a header field.
pub(crate) fn resolve_text(
    message: &MessageDescriptor,
    path: &str,
) -> Result<Vec<FieldDescriptor>, String> {
    let fields = resolve(message, path)?;
    let Some(last) = fields.last() else {
        return Err(String::from("the name of a field is missing"));
    };
    if last.is_map() {
        return Err(format!(
            "`{}` is a map; one text cannot be one",
            last.full_name()
        ));
    }
    if last.is_list() {
        return Err(format!(
            "`{}` is repeated; bind a field that comes once",
            last.full_name()
        ));
    }
    if !scalar::is_text(&last.kind()) {
        let message = "is a message; name one of its fields";
        return Err(format!("`{}` {message}", last.full_name()));
    }
    Ok(fields)
}

/// Where two ways part, if that is at members of one oneof, so that only one of the fields can be given.
pub(crate) fn exclusive<'f>(
    one: &'f [FieldDescriptor],
    other: &'f [FieldDescriptor],
) -> Option<(usize, &'f FieldDescriptor, &'f FieldDescriptor)> {
    let mut ways = one.iter().zip(other).enumerate();
    let (place, (ours, theirs)) = ways.find(|(_, (ours, theirs))| ours != theirs)?;
    let oneof = ours.containing_oneof()?;
    (theirs.containing_oneof() == Some(oneof)).then_some((place, ours, theirs))
}
