//! Messages as cases write them, `Shelf{string name; TYPE type{CLASSIC=0;COMIC=1}}`, as .proto text.

use anyhow::{Context, bail};

/// Types that may be named without their package.
const KNOWN: &[(&str, &str)] = &[
    ("Any", "google.protobuf.Any"),
    ("Duration", "google.protobuf.Duration"),
    ("Empty", "google.protobuf.Empty"),
    ("FieldMask", "google.protobuf.FieldMask"),
    ("ListValue", "google.protobuf.ListValue"),
    ("NullValue", "google.protobuf.NullValue"),
    ("Struct", "google.protobuf.Struct"),
    ("Timestamp", "google.protobuf.Timestamp"),
    ("Value", "google.protobuf.Value"),
    ("BoolValue", "google.protobuf.BoolValue"),
    ("BytesValue", "google.protobuf.BytesValue"),
    ("DoubleValue", "google.protobuf.DoubleValue"),
    ("FloatValue", "google.protobuf.FloatValue"),
    ("Int32Value", "google.protobuf.Int32Value"),
    ("Int64Value", "google.protobuf.Int64Value"),
    ("StringValue", "google.protobuf.StringValue"),
    ("UInt32Value", "google.protobuf.UInt32Value"),
    ("UInt64Value", "google.protobuf.UInt64Value"),
    ("HttpBody", "google.api.HttpBody"),
    (
        "TestAllTypesProto3",
        "protobuf_test_messages.proto3.TestAllTypesProto3",
    ),
    ("Proto3Message", "examplepb.Proto3Message"),
    ("Msg", "examplepb.Proto3Message"),
    ("ParameterValues", "examplepb.ParameterValues"),
    ("ABitOfEverything", "examplepb.ABitOfEverything"),
    ("NestedOuter", "examplepb.NestedOuter"),
    ("NonStandardMessage", "examplepb.NonStandardMessage"),
    ("EnumValue", "examplepb.EnumValue"),
    ("Author", "library.AuthorInfo"),
    ("AuthorInfo", "library.AuthorInfo"),
    ("Biography", "library.Biography"),
    ("Book", "library.Book"),
    ("Gender", "library.Gender"),
    ("Genre", "library.Genre"),
    ("Item", "library.Item"),
    ("Shelf", "library.Shelf"),
];

const SCALARS: [&str; 15] = [
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
    "fixed64", "sfixed32", "sfixed64", "bool", "string", "bytes",
];

/// The full name of a type that cases name.
pub(crate) fn known(name: &str) -> Option<String> {
    if let Some((_, full)) = KNOWN.iter().find(|(short, _)| *short == name) {
        return Some((*full).to_owned());
    }
    (name.starts_with("google.") || SCALARS.contains(&name) || name.starts_with("map<"))
        .then(|| name.to_owned())
}

/// A message in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    fields: Vec<Field>,
    /// Types within it, as .proto text.
    types: Vec<String>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    /// With `repeated`, and what it is.
    kind: String,
    json_name: Option<String>,
    oneof: Option<String>,
}

impl Message {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    pub(crate) fn add(&mut self, kind: &str, name: &str) {
        self.push(kind, name, None, None);
    }

    pub(crate) fn add_type(&mut self, text: String) {
        self.types.push(text);
    }

    fn push(&mut self, kind: &str, name: &str, json_name: Option<String>, oneof: Option<&str>) {
        self.fields.push(Field {
            name: name.to_owned(),
            kind: kind.to_owned(),
            json_name,
            oneof: oneof.map(str::to_owned),
        });
    }

    /// As .proto text, its fields numbered in their order.
    pub(crate) fn print(&self, name: &str) -> String {
        let mut out = format!("message {name} {{\n");
        for text in &self.types {
            out.push_str(text);
        }
        let mut oneof: Option<&str> = None;
        for (index, field) in self.fields.iter().enumerate() {
            if oneof != field.oneof.as_deref() {
                if oneof.is_some() {
                    out.push_str("}\n");
                }
                if let Some(name) = &field.oneof {
                    out.push_str(&format!("oneof {name} {{\n"));
                }
                oneof = field.oneof.as_deref();
            }
            let options = field
                .json_name
                .as_ref()
                .map(|name| format!(" [json_name = {name:?}]"));
            out.push_str(&format!(
                "{} {} = {}{};\n",
                field.kind,
                field.name,
                index + 1,
                options.unwrap_or_default()
            ));
        }
        if oneof.is_some() {
            out.push_str("}\n");
        }
        out.push_str("}\n");
        out
    }
}

/// The fields of `text`: declarations with `;` between them.
pub(crate) fn fields(text: &str) -> anyhow::Result<Message> {
    let mut message = Message::default();
    add_fields(text, &mut message, None)?;
    Ok(message)
}

/// `Name{…}` that is a message or an enum by itself, rather than a field: the name, and what is in the braces.
pub(crate) fn named(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('{')?;
    let name = name.trim();
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, rest.trim_end().strip_suffix('}')?))
}

/// Whether the braces hold the values of an enum.
pub(crate) fn is_enum(inner: &str) -> bool {
    let mut values = inner
        .split(';')
        .map(str::trim)
        .filter(|value| !value.is_empty());
    let is_value = |value: &str| {
        value.split_once('=').is_some_and(|(name, number)| {
            !name.trim().contains(' ') && number.trim().parse::<i32>().is_ok()
        })
    };
    !inner.trim().is_empty() && values.all(is_value)
}

pub(crate) fn print_enum(name: &str, inner: &str) -> String {
    let values: Vec<String> = inner
        .split(';')
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .map(|value| format!("{value};\n"))
        .collect();
    format!("enum {name} {{\n{}}}\n", values.concat())
}

fn add_fields(text: &str, message: &mut Message, oneof: Option<&str>) -> anyhow::Result<()> {
    for declaration in split(text) {
        declare(declaration.trim(), message, oneof)
            .with_context(|| format!("the runner cannot read `{declaration}`"))?;
    }
    Ok(())
}

/// Cuts at `;` that are in no braces.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0, 0);
    let mut parts = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn declare(text: &str, message: &mut Message, oneof: Option<&str>) -> anyhow::Result<()> {
    let (head, inner) = match text.split_once('{') {
        Some((head, rest)) => (
            head.trim(),
            Some(rest.trim_end().strip_suffix('}').context("no `}`")?),
        ),
        None => (text, None),
    };
    let (head, json_name) = match head.split_once('[') {
        Some((head, options)) => (head.trim(), json_name(options)),
        None => (head, None),
    };
    if let (Some(inner), Some(name)) = (inner, head.strip_prefix("oneof")) {
        let name = if name.trim().is_empty() {
            "choice"
        } else {
            name.trim()
        };
        return add_fields(inner, message, Some(name));
    }
    let head = head.split('=').next().unwrap_or_default().trim();
    let (label, head) = match head.strip_prefix("repeated ") {
        Some(rest) => ("repeated ", rest.trim()),
        None => ("", head),
    };
    let (kind, names) = match head.rsplit_once(' ') {
        Some((kind, names)) => (kind.trim().to_owned(), names),
        // A field without a type: one of its own, named alike.
        None => (capitalised(head), head),
    };
    let kind = match inner {
        Some(_) if kind == "HttpBody" => String::from(".google.api.HttpBody"),
        Some(inner) => {
            // A type and a field of one message cannot have the same name.
            let taken = message.has(&kind) || names.split(',').any(|name| name.trim() == kind);
            let kind = if taken { format!("{kind}_") } else { kind };
            let text = nested(&kind, inner)?;
            if !message.types.contains(&text) {
                message.types.push(text);
            }
            kind
        }
        None => match known(&kind) {
            Some(full) => format!(".{full}").replace(".map<", "map<"),
            None => bail!("the type `{kind}` is not known"),
        },
    };
    let kind = if SCALARS.contains(&kind.trim_start_matches('.')) {
        kind.trim_start_matches('.').to_owned()
    } else {
        kind
    };
    for name in names.split(',') {
        message.push(
            &format!("{label}{kind}"),
            name.trim(),
            json_name.clone(),
            oneof,
        );
    }
    Ok(())
}

fn nested(name: &str, inner: &str) -> anyhow::Result<String> {
    if is_enum(inner) {
        return Ok(print_enum(name, inner));
    }
    Ok(fields(inner)?.print(name))
}

fn json_name(options: &str) -> Option<String> {
    let (_, value) = options.split_once("json_name=")?;
    let (_, value) = value.split_once('"')?;
    // A name may have brackets itself.
    value.rsplit_once('"').map(|(name, _)| name.to_owned())
}

fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + characters.as_str())
        .unwrap_or_default()
}
