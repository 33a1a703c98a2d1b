//! Bodies of type `multipart/form-data` (RFC 7578): each part is a field of the message.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};

use crate::{http_body, refusal::Refusal, scalar, settings::Settings};

/// More parts than a form has.
const MOST_PARTS: usize = 1_000;

/// One part: its name, its type, and what it holds.
struct Part<'b> {
    name: String,
    content_type: Option<String>,
    data: &'b [u8],
}

/// The boundary that the type names (RFC 2046 section 5.1.1).
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let found = parameter(content_type, "boundary")?;
    (1..=70).contains(&found.len()).then_some(found)
}

/// A parameter of a field value, without its quotes.
fn parameter(field: &str, name: &str) -> Option<String> {
    field.split(';').skip(1).find_map(|parameter| {
        let (found, value) = parameter.split_once('=')?;
        let value = value.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value);
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.to_owned())
    })
}

/// Puts every part into its field.
pub(super) fn read(
    boundary: &str,
    body: &[u8],
    message: &mut DynamicMessage,
    settings: &Settings,
) -> Result<(), Refusal> {
    use prost_reflect::ReflectMessage as _;
    let descriptor = message.descriptor();
    for (count, part) in Parts::new(boundary, body).enumerate() {
        if count >= MOST_PARTS {
            return Err(wrong("has too many parts"));
        }
        let part = part?;
        let field = descriptor
            .get_field_by_name(&part.name)
            .or_else(|| descriptor.get_field_by_json_name(&part.name));
        let Some(field) = field else {
            let message = format!("{} has no such field", descriptor.full_name());
            return Err(Refusal::invalid(part.name, message));
        };
        if !field.is_list() && message.has_field(&field) {
            return Err(Refusal::invalid(part.name, "this part comes twice"));
        }
        let value = value(&field, &part, settings)?;
        match message.get_field_mut(&field) {
            Value::List(list) => list.push(value),
            single => *single = value,
        }
    }
    Ok(())
}

fn value(field: &FieldDescriptor, part: &Part<'_>, settings: &Settings) -> Result<Value, Refusal> {
    match field.kind() {
        Kind::Message(inner) if inner.full_name() == "google.api.HttpBody" => {
            let body = http_body::message(&inner, part.content_type.as_deref(), part.data);
            Ok(Value::Message(body))
        }
        // A file, as it is.
        Kind::Bytes => Ok(Value::Bytes(part.data.to_vec().into())),
        kind => {
            let text = std::str::from_utf8(part.data)
                .map_err(|_| Refusal::invalid(part.name.as_str(), "this part is not UTF-8"))?;
            if field.is_map() || !scalar::is_text(&kind) {
                return Err(Refusal::invalid(
                    part.name.as_str(),
                    "a part cannot be a value of this field",
                ));
            }
            scalar::parse(&kind, text, settings)
                .map_err(|message| Refusal::invalid(part.name.as_str(), message))
        }
    }
}

/// The parts of a body, one after the other.
struct Parts<'b> {
    delimiter: Vec<u8>,
    /// What follows the last delimiter; none after the end.
    rest: Option<&'b [u8]>,
}

impl<'b> Parts<'b> {
    fn new(boundary: &str, body: &'b [u8]) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first delimiter may begin the body.
        let rest = match body.strip_prefix(&delimiter[2..]) {
            Some(rest) => Some(rest),
            None => split(body, &delimiter).map(|(_, rest)| rest),
        };
        Self {
            delimiter,
            rest: Some(rest.unwrap_or_default()),
        }
    }

    fn part(&mut self, rest: &'b [u8]) -> Result<Part<'b>, Refusal> {
        let content = rest
            .strip_prefix(b"\r\n")
            .ok_or_else(|| wrong("has no boundary where one has to be"))?;
        let (content, after) =
            split(content, &self.delimiter).ok_or_else(|| wrong("ends within a part"))?;
        let (head, data) =
            split(content, b"\r\n\r\n").ok_or_else(|| wrong("has a part without a head"))?;
        self.rest = Some(after);
        let head = std::str::from_utf8(head).map_err(|_| wrong("has a head that is not UTF-8"))?;
        let field = |name: &str| {
            head.split("\r\n").find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found
                    .trim()
                    .eq_ignore_ascii_case(name)
                    .then(|| value.trim())
            })
        };
        let name = field("content-disposition").and_then(|field| parameter(field, "name"));
        Ok(Part {
            name: name.ok_or_else(|| wrong("has a part without a name"))?,
            content_type: field("content-type").map(str::to_owned),
            data,
        })
    }
}

impl<'b> Iterator for Parts<'b> {
    type Item = Result<Part<'b>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        if rest.starts_with(b"--") {
            return None;
        }
        Some(self.part(rest))
    }
}

fn split<'b>(bytes: &'b [u8], at: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..place], &bytes[place + at.len()..]))
}

fn wrong(what: &str) -> Refusal {
    Refusal::invalid("", format!("the multipart body {what}"))
}
