//! The update mask that the members of a PATCH's body make (AIP-134).
//!
//! It goes into messages and google.protobuf.Struct, member by member; lists, maps and what JSON writes in a way of
//! its own are taken whole. The body has been read as its message before: here nothing can be wrong any more.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::json::{Bounds, Cursor, JsonError, written_as_value};

/// Sets the mask if the message has none. `text` is the JSON that `body` was read from.
pub(crate) fn fill(
    message: &mut DynamicMessage,
    mask: &FieldDescriptor,
    body: &FieldDescriptor,
    text: &[u8],
    bounds: Bounds,
) -> Result<(), JsonError> {
    if message.has_field(mask) {
        return Ok(());
    }
    let (Kind::Message(mask_type), Kind::Message(body_type)) = (mask.kind(), body.kind()) else {
        return Ok(());
    };
    let mut paths = Vec::new();
    if !text.is_empty() && !body.is_list() && !body.is_map() {
        let mut cursor = Cursor::new(text, bounds)?;
        if !cursor.null()? {
            members(&mut cursor, &body_type, "", &mut paths)?;
        }
    }
    let mut value = DynamicMessage::new(mask_type);
    let _ = value.try_set_field_by_name("paths", Value::List(paths));
    message.set_field(mask, Value::Message(value));
    Ok(())
}

fn members(
    cursor: &mut Cursor<'_>,
    descriptor: &MessageDescriptor,
    prefix: &str,
    paths: &mut Vec<Value>,
) -> Result<(), JsonError> {
    let free = descriptor.full_name() == "google.protobuf.Struct";
    cursor.begin_object()?;
    let mut first = true;
    while let Some(name) = cursor.next_key(first)? {
        first = false;
        if free {
            value(cursor, Some(descriptor), &join(prefix, &name), paths)?;
            continue;
        }
        let field = descriptor
            .get_field_by_json_name(&name)
            .or_else(|| descriptor.get_field_by_name(&name));
        let Some(field) = field else {
            cursor.skip()?;
            continue;
        };
        let inner = match field.kind() {
            Kind::Message(inner) if !field.is_list() && !field.is_map() => Some(inner),
            _ => None,
        };
        value(cursor, inner.as_ref(), &join(prefix, field.name()), paths)?;
    }
    Ok(())
}

/// One member: its own members if it has any, else itself.
fn value(
    cursor: &mut Cursor<'_>,
    inner: Option<&MessageDescriptor>,
    path: &str,
    paths: &mut Vec<Value>,
) -> Result<(), JsonError> {
    let inner = inner
        .filter(|inner| inner.full_name() == "google.protobuf.Struct" || !written_as_value(inner));
    let before = paths.len();
    match inner {
        Some(inner) if cursor.peek()? == b'{' => members(cursor, inner, path, paths)?,
        _ => cursor.skip()?,
    }
    if paths.len() == before {
        paths.push(Value::String(path.to_owned()));
    }
    Ok(())
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}
