//! Who asks: the identity that a policy has established, and what later stages read of it.

mod certificate;
mod claims;
mod field;
mod headers;

use claims::Claims;

pub use certificate::Certificate;
pub use field::{Field, FieldError};
pub use headers::IdentityHeaders;

/// Bytes of the claims, as JSON.
const LONGEST_CLAIMS: usize = 64 << 10;
/// Bytes of a subject, tenant, consumer or issuer.
const LONGEST_FIELD: usize = 1 << 10;
/// Bytes of a scheme.
const LONGEST_SCHEME: usize = 64;
/// Scopes of one identity, and bytes of one of them.
const MOST_SCOPES: usize = 1_000;

/// Who asks. Exchanges share it, and it never changes.
#[derive(Debug, PartialEq)]
pub struct Identity {
    scheme: Box<str>,
    subject: Option<Box<str>>,
    tenant: Option<Box<str>>,
    consumer: Option<Box<str>>,
    issuer: Option<Box<str>>,
    scopes: Box<[Box<str>]>,
    claims: Claims,
}

/// What an identity is made of, unchecked.
#[derive(Clone, Debug, Default)]
pub struct IdentityFields {
    pub scheme: String,
    pub subject: Option<String>,
    pub tenant: Option<String>,
    pub consumer: Option<String>,
    pub issuer: Option<String>,
    pub scopes: Vec<String>,
    /// A JSON object.
    pub claims: String,
}

/// Why there cannot be such an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("the scheme is not `[a-z][a-z0-9-]*` of at most {LONGEST_SCHEME} bytes")]
    Scheme,
    #[error("the {0} is empty: leave it out instead")]
    Empty(&'static str),
    #[error("the {0} is longer than {LONGEST_FIELD} bytes")]
    Long(&'static str),
    #[error("the {0} has control characters, or a space at an end")]
    Unclean(&'static str),
    #[error(
        "a scope is empty, longer than {LONGEST_FIELD} bytes, or has spaces or control characters"
    )]
    Scope,
    #[error("there are more than {MOST_SCOPES} scopes")]
    Scopes,
    #[error("the claims are longer than {LONGEST_CLAIMS} bytes")]
    LongClaims,
    #[error("the claims are no JSON object: {0}")]
    Claims(#[source] serde_json::Error),
}

impl Identity {
    /// # Errors
    /// When a field does not keep to its rules.
    pub fn new(fields: IdentityFields) -> Result<Self, IdentityError> {
        if !is_kind(&fields.scheme) {
            return Err(IdentityError::Scheme);
        }
        if fields.claims.len() > LONGEST_CLAIMS {
            return Err(IdentityError::LongClaims);
        }
        Ok(Self {
            scheme: fields.scheme.into(),
            subject: named("subject", fields.subject)?,
            tenant: named("tenant", fields.tenant)?,
            consumer: named("consumer", fields.consumer)?,
            issuer: named("issuer", fields.issuer)?,
            scopes: scopes(fields.scopes)?,
            claims: Claims::new(fields.claims).map_err(IdentityError::Claims)?,
        })
    }

    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    pub fn consumer(&self) -> Option<&str> {
        self.consumer.as_deref()
    }

    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub fn scopes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.scopes.iter().map(|scope| &**scope)
    }

    /// The value that a JSON pointer finds in the claims, as JSON.
    pub fn claim(&self, pointer: &str) -> Option<String> {
        if pointer.is_empty() {
            return serde_json::to_string(self.claims.members()).ok();
        }
        let tokens = field::tokens(pointer)?;
        let mut tokens = tokens.iter();
        let first = self.claims.members().get(&**tokens.next()?)?;
        Some(field::find(first, tokens)?.to_string())
    }

    /// Whether it is the same one who asks.
    pub fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.names() == other.names()
    }

    fn names(&self) -> [Option<&str>; 4] {
        [&self.subject, &self.tenant, &self.consumer, &self.issuer].map(Option::as_deref)
    }

    /// Bytes of memory, roughly.
    pub fn weight(&self) -> usize {
        let text: usize = self.names().into_iter().flatten().map(str::len).sum();
        let scopes: usize = self.scopes.iter().map(|scope| scope.len() + 16).sum();
        size_of::<Self>() + self.scheme.len() + text + scopes + self.claims.weight()
    }
}

/// The name of a scheme or of a note: `[a-z][a-z0-9-]*`.
pub fn is_kind(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= LONGEST_SCHEME
        && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn named(field: &'static str, text: Option<String>) -> Result<Option<Box<str>>, IdentityError> {
    let Some(text) = text else {
        return Ok(None);
    };
    if text.is_empty() {
        return Err(IdentityError::Empty(field));
    }
    if text.len() > LONGEST_FIELD {
        return Err(IdentityError::Long(field));
    }
    // A field value loses spaces at its ends on the way: the upstream would take one for another.
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(IdentityError::Unclean(field));
    }
    Ok(Some(text.into()))
}

fn scopes(scopes: Vec<String>) -> Result<Box<[Box<str>]>, IdentityError> {
    if scopes.len() > MOST_SCOPES {
        return Err(IdentityError::Scopes);
    }
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let bad =
        |scope: &String| scope.is_empty() || scope.len() > LONGEST_FIELD || scope.contains(odd);
    if scopes.iter().any(bad) {
        return Err(IdentityError::Scope);
    }
    Ok(scopes.into_iter().map(Into::into).collect())
}

#[cfg(test)]
mod tests;
