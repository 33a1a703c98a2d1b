//! The fields by which upstreams are told who asks. Nobody else can write them.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Field, Identity};

/// Bytes of a field's value; a claim can be longer.
const LONGEST_VALUE: usize = 8 << 10;

/// `identity.headers` of `witgate.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityHeaders {
    fields: Box<[(HeaderName, Field)]>,
    /// One of the names has a `_` itself: any spelling may be a variant of it.
    underscores: bool,
}

impl IdentityHeaders {
    pub fn new(fields: Vec<(HeaderName, Field)>) -> Self {
        let underscores = fields.iter().any(|(name, _)| name.as_str().contains('_'));
        Self {
            fields: fields.into(),
            underscores,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Takes off what a client says in their place. With `variants` also under names that upstreams may take for the
    /// same: many map `-` and `_` to one.
    pub fn strip(&self, headers: &mut HeaderMap, variants: bool) {
        for (name, _) in &self.fields {
            headers.remove(name);
        }
        if variants || self.underscores {
            let forged: Vec<_> = headers
                .keys()
                .filter(|name| self.fields.iter().any(|(own, _)| are_one(own, name)))
                .cloned()
                .collect();
            for name in forged {
                headers.remove(name);
            }
        }
    }

    /// Writes down who asks. False when something cannot be said in a field, and is left out.
    pub fn tell(&self, headers: &mut HeaderMap, identity: Option<&Identity>) -> bool {
        let mut told = true;
        for (name, field) in &self.fields {
            // What a policy or the route wrote there does not come from the identity.
            headers.remove(name);
            let Some(text) = identity.and_then(|identity| identity.field(field)) else {
                continue;
            };
            match value(&text) {
                Some(value) => drop(headers.insert(name, value)),
                None => told = false,
            }
        }
        told
    }
}

fn are_one(own: &HeaderName, other: &HeaderName) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    let (own, other) = (own.as_str().bytes(), other.as_str().bytes());
    own.len() == other.len() && own.map(plain).eq(other.map(plain))
}

/// The text as a field's value (RFC 9110 section 5.5), if it arrives there as it is.
fn value(text: &str) -> Option<HeaderValue> {
    let fits = !text.is_empty() && text.len() <= LONGEST_VALUE && text.trim_ascii() == text;
    fits.then(|| HeaderValue::from_bytes(text.as_bytes()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::identity::IdentityFields;

    fn headers(fields: &[(&str, &str)]) -> IdentityHeaders {
        let field = |(name, field): &(&str, &str)| (name.parse().unwrap(), field.parse().unwrap());
        IdentityHeaders::new(fields.iter().map(field).collect())
    }

    fn identity(claims: &str) -> Identity {
        Identity::new(IdentityFields {
            scheme: "jwt".into(),
            subject: Some("alice".into()),
            claims: claims.into(),
            ..IdentityFields::default()
        })
        .unwrap()
    }

    fn map(names: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for name in names {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_static("forged"));
        }
        map
    }

    #[test]
    fn no_spelling_of_a_name_gets_through() {
        let ours = headers(&[("x-auth-subject", "subject"), ("x_team", "tenant")]);
        let mut map = map(&[
            "X-Auth-Subject",
            "x-auth-subject",
            "x_auth_subject",
            "X-Auth_Subject",
            "x-team",
            "x_team",
            "x-auth-subjects",
            "x_other",
        ]);
        ours.strip(&mut map, true);
        let mut left: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-auth-subjects", "x_other"]);
    }

    #[test]
    fn what_is_told_comes_from_the_identity_alone() {
        let ours = headers(&[("x-subject", "subject"), ("x-email", "claim:/email")]);
        let mut map = map(&["x-subject", "x-email"]);
        assert!(ours.tell(&mut map, None));
        assert!(map.is_empty());
        assert!(ours.tell(&mut map, Some(&identity(r#"{"email":"ä@example.com"}"#))));
        assert_eq!(map["x-subject"], "alice");
        assert_eq!(map["x-email"].as_bytes(), "ä@example.com".as_bytes());
    }

    #[test]
    fn what_no_field_can_say_is_left_out() {
        let ours = headers(&[("x-it", "claim:/it"), ("x-subject", "subject")]);
        let long = "x".repeat(LONGEST_VALUE + 1);
        for value in ["a\\r\\nx-admin: 1", " a", "a\\t", "", &*long] {
            let mut map = map(&["x-it"]);
            assert!(!ours.tell(&mut map, Some(&identity(&format!(r#"{{"it":"{value}"}}"#)))));
            assert!(
                !map.contains_key("x-it") && map.contains_key("x-subject"),
                "{value}"
            );
        }
    }
}
