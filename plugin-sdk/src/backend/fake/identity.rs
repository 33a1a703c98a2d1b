//! Identities held in memory, under the rules of the gateway.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::IdentityFields;

#[derive(Clone, Debug)]
pub(crate) struct Identity(Rc<Kept>);

#[derive(Debug)]
struct Kept {
    fields: IdentityFields,
    claims: Value,
}

pub(crate) fn identity_fields(fields: IdentityFields) -> IdentityFields {
    fields
}

impl Identity {
    pub(crate) fn new(fields: &IdentityFields) -> Result<Self, String> {
        if !is_kind(&fields.scheme) {
            return Err(String::from(
                "the scheme is not `[a-z][a-z0-9-]*` of at most 64 bytes",
            ));
        }
        let named = [
            &fields.subject,
            &fields.tenant,
            &fields.consumer,
            &fields.issuer,
        ];
        let is_odd = |text: &String| {
            text.is_empty()
                || text.len() > 1 << 10
                || text.trim() != text
                || text.contains(char::is_control)
        };
        if let Some(odd) = named.into_iter().flatten().find(|text| is_odd(text)) {
            return Err(format!("{odd:?} is empty, too long, or not clean"));
        }
        let no_scope = |scope: &String| {
            scope.is_empty() || scope.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        if fields.scopes.len() > 1_000 || fields.scopes.iter().any(no_scope) {
            return Err(String::from("too many scopes, or one that is none"));
        }
        if fields.claims.len() > 64 << 10 {
            return Err(String::from("the claims are longer than 64 KiB"));
        }
        let claims: Map<String, Value> = serde_json::from_str(&fields.claims)
            .map_err(|error| format!("the claims are no JSON object: {error}"))?;
        Ok(Self(Rc::new(Kept {
            fields: fields.clone(),
            claims: Value::Object(claims),
        })))
    }

    pub(crate) fn scheme(&self) -> String {
        self.0.fields.scheme.clone()
    }

    pub(crate) fn subject(&self) -> Option<String> {
        self.0.fields.subject.clone()
    }

    pub(crate) fn tenant(&self) -> Option<String> {
        self.0.fields.tenant.clone()
    }

    pub(crate) fn consumer(&self) -> Option<String> {
        self.0.fields.consumer.clone()
    }

    pub(crate) fn issuer(&self) -> Option<String> {
        self.0.fields.issuer.clone()
    }

    pub(crate) fn scopes(&self) -> Vec<String> {
        self.0.fields.scopes.clone()
    }

    pub(crate) fn claim(&self, pointer: &str) -> Option<String> {
        self.0.claims.pointer(pointer).map(Value::to_string)
    }
}

/// The name of a scheme or of a note.
pub(super) fn is_kind(text: &str) -> bool {
    let tail = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(tail)
}
