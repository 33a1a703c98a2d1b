//! Claims as header fields for the upstream.

use std::collections::BTreeMap;

use serde_json::Value;
use witgate_plugin::{config::Problem, fields, rules::ClaimPath};

use crate::{claims::Claims, refusal::Refusal};

/// The fields that tokens of one issuer fill, as places in [`Names`].
pub(crate) type Fields = Vec<(ClaimPath, usize)>;

/// Every field of a route that some issuer fills, in lower case. None of them passes as the client sent it.
#[derive(Default)]
pub(crate) struct Names(pub(crate) Vec<String>);

impl Names {
    fn place(&mut self, field: &str) -> usize {
        let field = field.to_ascii_lowercase();
        let known = self.0.iter().position(|known| *known == field);
        known.unwrap_or_else(|| {
            self.0.push(field);
            self.0.len() - 1
        })
    }
}

/// `pointer` is where the map stands in the settings.
pub(crate) fn prepare(
    map: &BTreeMap<String, String>,
    pointer: &str,
    names: &mut Names,
    problems: &mut Vec<Problem>,
) -> Fields {
    let mut fields = Fields::new();
    for (claim, field) in map {
        let key = claim.replace('~', "~0").replace('/', "~1");
        let mut wrong =
            |message: String| problems.push(Problem::at(format!("{pointer}/{key}"), message));
        if let Some(message) = complaint(field) {
            wrong(message);
            continue;
        }
        match ClaimPath::new(claim) {
            Err(message) => wrong(message),
            Ok(path) => {
                let place = names.place(field);
                if fields.iter().any(|(_, known)| *known == place) {
                    wrong(format!(
                        "`{field}` already gets another claim; name another field"
                    ));
                } else {
                    fields.push((path, place));
                }
            }
        }
    }
    fields
}

/// One value for each of `names`; none where the token has none.
pub(crate) fn values(
    fields: &Fields,
    names: &Names,
    claims: &Claims,
) -> Result<Vec<Option<Vec<u8>>>, Refusal> {
    let mut values = vec![None; names.0.len()];
    for (path, place) in fields {
        values[*place] = claims.find(path).map(value).transpose()?;
    }
    Ok(values)
}

/// Text as it is, a list of simple values with commas between them, anything else as JSON. What would break out of a
/// header field, or of its place in a list, is refused, not repaired: the upstream must never take one value for another.
fn value(claim: &Value) -> Result<Vec<u8>, Refusal> {
    let text = match claim {
        Value::Array(elements) if elements.iter().all(is_simple) => {
            let elements = elements.iter().map(text).collect::<Vec<_>>();
            let breaks_out = |element: &String| {
                element.contains(',') || element.trim() != element || element.is_empty()
            };
            if elements.iter().any(breaks_out) {
                return Err(Refusal::Unprintable);
            }
            elements.join(",")
        }
        other => text(other),
    };
    let visible = |byte: u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    // C1 controls take two bytes in UTF-8.
    if text.bytes().all(visible) && !text.contains(char::is_control) && text.trim() == text {
        Ok(text.into_bytes())
    } else {
        Err(Refusal::Unprintable)
    }
}

fn is_simple(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn complaint(field: &str) -> Option<String> {
    if !fields::is_token(field) {
        return Some(format!("`{field}` is no name of a header field"));
    }
    fields::is_gateway_owned(field)
        .then(|| format!("`{field}` belongs to the gateway; name another field"))
}
