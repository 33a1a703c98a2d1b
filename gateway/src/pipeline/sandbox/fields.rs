//! Header and trailer fields as a plugin sees them: what was received, under edits that are not applied yet.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::bindings::types::EditError;

/// One staged edit of a field.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Set(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
    Remove(HeaderName),
}

impl Edit {
    fn name(&self) -> &HeaderName {
        match self {
            Self::Set(name, _) | Self::Append(name, _) | Self::Remove(name) => name,
        }
    }

    fn is_for(&self, name: &str) -> bool {
        self.name().as_str().eq_ignore_ascii_case(name)
    }

    /// In bytes, roughly.
    pub(super) fn weight(&self) -> usize {
        let value = match self {
            Self::Set(_, value) | Self::Append(_, value) => value.len(),
            Self::Remove(_) => 0,
        };
        size_of::<Self>() + value
    }

    pub(super) fn apply(self, fields: &mut HeaderMap) {
        match self {
            Self::Set(name, value) => drop(fields.insert(name, value)),
            Self::Append(name, value) => drop(fields.append(name, value)),
            Self::Remove(name) => drop(fields.remove(name)),
        }
    }
}

/// Applies staged edits in order and leaves the list empty.
pub(super) fn apply(edits: &mut Vec<Edit>, fields: &mut HeaderMap) {
    for edit in edits.drain(..) {
        edit.apply(fields);
    }
}

/// The values of one field as they will be.
fn values<'a>(
    fields: &'a HeaderMap,
    edits: &'a [Edit],
    name: &'a str,
) -> impl Iterator<Item = &'a HeaderValue> {
    let replaced = edits
        .iter()
        .rposition(|edit| !matches!(edit, Edit::Append(..)) && edit.is_for(name));
    let received = replaced.is_none().then(|| fields.get_all(name).into_iter());
    let staged = edits[replaced.unwrap_or(0)..]
        .iter()
        .filter(move |edit| edit.is_for(name));
    received
        .into_iter()
        .flatten()
        .chain(staged.filter_map(|edit| match edit {
            Edit::Set(_, value) | Edit::Append(_, value) => Some(value),
            Edit::Remove(_) => None,
        }))
}

/// All values of a field, joined with `, ` (RFC 9110 section 5.2).
pub(super) fn joined(fields: &HeaderMap, edits: &[Edit], name: &str) -> Option<Vec<u8>> {
    let mut values = values(fields, edits, name);
    let mut all = values.next()?.as_bytes().to_vec();
    for value in values {
        all.extend_from_slice(b", ");
        all.extend_from_slice(value.as_bytes());
    }
    Some(all)
}

/// Each value by itself.
pub(super) fn each(fields: &HeaderMap, edits: &[Edit], name: &str) -> Vec<Vec<u8>> {
    values(fields, edits, name)
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

/// Every field with every value.
pub(super) fn all(fields: &HeaderMap, edits: &[Edit]) -> Vec<(String, Vec<u8>)> {
    let pair = |name: &HeaderName, value: &HeaderValue| {
        (String::from(name.as_str()), value.as_bytes().to_vec())
    };
    if edits.is_empty() {
        return fields
            .iter()
            .map(|(name, value)| pair(name, value))
            .collect();
    }
    let mut edited: HeaderMap = fields.clone();
    for edit in edits {
        match edit {
            Edit::Set(name, value) => drop(edited.insert(name, value.clone())),
            Edit::Append(name, value) => drop(edited.append(name, value.clone())),
            Edit::Remove(name) => drop(edited.remove(name)),
        }
    }
    edited
        .iter()
        .map(|(name, value)| pair(name, value))
        .collect()
}

/// A field name that a plugin may edit.
pub(super) fn name(name: &str) -> Result<HeaderName, EditError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| EditError::Invalid)?;
    if belongs_to_gateway(&name) {
        return Err(EditError::Forbidden);
    }
    Ok(name)
}

/// The names that a plugin edits: it has few, and uses them again and again.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<(Box<str>, HeaderName)>);

impl Names {
    /// Names that are kept; so much is looked through faster than a name is parsed.
    const MOST: usize = 8;

    /// What [`name`] says.
    pub(super) fn parse(&mut self, text: &str) -> Result<HeaderName, EditError> {
        if let Some((_, known)) = self.0.iter().find(|(known, _)| **known == *text) {
            return Ok(known.clone());
        }
        let name = name(text)?;
        if self.0.len() < Self::MOST {
            self.0.push((text.into(), name.clone()));
        }
        Ok(name)
    }
}

/// A field value (RFC 9110 section 5.5).
pub(super) fn value(value: &[u8]) -> Result<HeaderValue, EditError> {
    HeaderValue::from_bytes(value).map_err(|_| EditError::Invalid)
}

/// Hop-by-hop and framing fields (RFC 9110 section 7.6.1), `host`, and the gateway's own fields. The SDK
/// tells guests the same.
const GATEWAY_OWNED: [&str; 15] = [
    "connection",
    "content-length",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

fn belongs_to_gateway(name: &HeaderName) -> bool {
    GATEWAY_OWNED.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> HeaderMap {
        let mut fields = HeaderMap::new();
        fields.append("accept", HeaderValue::from_static("a"));
        fields.append("accept", HeaderValue::from_static("b"));
        fields
    }

    fn set(field: &str, to: &str) -> Edit {
        Edit::Set(name(field).unwrap(), value(to.as_bytes()).unwrap())
    }

    fn append(field: &str, more: &str) -> Edit {
        Edit::Append(name(field).unwrap(), value(more.as_bytes()).unwrap())
    }

    #[test]
    fn staged_edits_are_seen_before_they_are_applied() {
        let accept = |edits: &[Edit]| {
            joined(&fields(), edits, "Accept").map(|v| String::from_utf8(v).unwrap())
        };
        assert_eq!(accept(&[]).unwrap(), "a, b");
        assert_eq!(accept(&[append("accept", "c")]).unwrap(), "a, b, c");
        assert_eq!(
            accept(&[append("accept", "c"), set("accept", "d")]).unwrap(),
            "d"
        );
        assert_eq!(
            accept(&[set("accept", "d"), append("accept", "e")]).unwrap(),
            "d, e"
        );
        assert_eq!(
            accept(&[set("accept", "d"), Edit::Remove(http::header::ACCEPT)]),
            None
        );
        assert_eq!(
            accept(&[Edit::Remove(http::header::ACCEPT), append("accept", "f")]).unwrap(),
            "f"
        );
        assert_eq!(accept(&[set("other", "x")]).unwrap(), "a, b");
    }

    #[test]
    fn what_was_seen_is_what_is_applied() {
        let make = || {
            vec![
                append("accept", "c"),
                set("x-a", "1"),
                Edit::Remove(http::header::ACCEPT),
                append("accept", "d"),
            ]
        };
        let seen = all(&fields(), &make());
        let mut applied = fields();
        apply(&mut make(), &mut applied);
        assert_eq!(seen, all(&applied, &[]));
        assert_eq!(each(&applied, &[], "accept"), [b"d"]);
    }

    #[test]
    fn the_sdk_tells_the_same() {
        let source = include_str!("../../../../plugin-sdk/src/fields.rs");
        let (_, list) = source.split_once("GATEWAY_OWNED").unwrap();
        let (list, _) = list.split_once("];").unwrap();
        let told: Vec<_> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(told, GATEWAY_OWNED);
    }

    #[test]
    fn the_gateways_own_fields_are_refused() {
        for field in [
            "Host",
            "content-length",
            "X-Forwarded-For",
            "transfer-encoding",
            "te",
        ] {
            assert!(matches!(name(field), Err(EditError::Forbidden)), "{field}");
        }
        for field in ["", "a b", "é", "x:y"] {
            assert!(matches!(name(field), Err(EditError::Invalid)), "{field}");
        }
        assert!(matches!(value(b"a\r\nb"), Err(EditError::Invalid)));
        assert!(name("x-anything").is_ok());
    }
}
