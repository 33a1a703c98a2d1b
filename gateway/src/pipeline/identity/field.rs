//! A field of an identity, as configurations name it: `tenant`, `claim:/org/id`.

use std::{borrow::Cow, fmt, str::FromStr};

use serde_json::Value;

use super::Identity;

/// What of an identity is asked for. Parsed once, read often.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    Subject,
    Tenant,
    Consumer,
    Issuer,
    Scheme,
    /// All of them, with a space between two (RFC 6749 section 3.3).
    Scopes,
    Claim(Pointer),
}

/// A JSON pointer (RFC 6901) to something in the claims.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pointer {
    first: Box<str>,
    rest: Box<[Box<str>]>,
}

/// It is no field.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{0}` is no field of an identity")]
pub struct FieldError(String);

impl FieldError {
    /// What to write instead.
    pub const HINT: &str = "one of `subject`, `tenant`, `consumer`, `issuer`, `scheme`, `scopes` and `claim:` with a \
        JSON pointer, as `claim:/org/id`";
}

impl FromStr for Field {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let claim = || {
            let mut tokens = tokens(text.strip_prefix("claim:")?)?.into_iter();
            let first = tokens.next()?;
            let rest = tokens.collect();
            Some(Self::Claim(Pointer { first, rest }))
        };
        Ok(match text {
            "subject" => Self::Subject,
            "tenant" => Self::Tenant,
            "consumer" => Self::Consumer,
            "issuer" => Self::Issuer,
            "scheme" => Self::Scheme,
            "scopes" => Self::Scopes,
            _ => claim().ok_or_else(|| FieldError(text.to_owned()))?,
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "subject",
            Self::Tenant => "tenant",
            Self::Consumer => "consumer",
            Self::Issuer => "issuer",
            Self::Scheme => "scheme",
            Self::Scopes => "scopes",
            Self::Claim(pointer) => {
                f.write_str("claim:")?;
                for token in std::iter::once(&pointer.first).chain(&pointer.rest) {
                    write!(f, "/{}", token.replace('~', "~0").replace('/', "~1"))?;
                }
                return Ok(());
            }
        })
    }
}

impl Identity {
    /// A field as text: strings as they are, other claims as JSON. None when there is none, or it is `null`.
    pub fn field(&self, field: &Field) -> Option<Cow<'_, str>> {
        match field {
            Field::Subject => self.subject().map(Cow::Borrowed),
            Field::Tenant => self.tenant().map(Cow::Borrowed),
            Field::Consumer => self.consumer().map(Cow::Borrowed),
            Field::Issuer => self.issuer().map(Cow::Borrowed),
            Field::Scheme => Some(Cow::Borrowed(self.scheme())),
            Field::Scopes => self.all_scopes(),
            Field::Claim(pointer) => {
                let first = self.claims.members().get(&*pointer.first)?;
                match find(first, pointer.rest.iter())? {
                    Value::Null => None,
                    Value::String(text) => Some(Cow::Borrowed(text)),
                    other => Some(Cow::Owned(other.to_string())),
                }
            }
        }
    }

    fn all_scopes(&self) -> Option<Cow<'_, str>> {
        match &*self.scopes {
            [] => None,
            [one] => Some(Cow::Borrowed(one)),
            all => Some(Cow::Owned(all.join(" "))),
        }
    }
}

/// The unescaped parts of a pointer; none when it is no pointer.
pub(super) fn tokens(pointer: &str) -> Option<Vec<Box<str>>> {
    let rest = pointer.strip_prefix('/')?;
    let token = |token: &str| {
        let mut tildes = token.split('~').skip(1);
        let well_formed = tildes.all(|rest| rest.starts_with(['0', '1']));
        well_formed.then(|| token.replace("~1", "/").replace("~0", "~").into())
    };
    rest.split('/').map(token).collect()
}

/// Goes down into a value.
pub(super) fn find(
    value: &Value,
    mut tokens: impl Iterator<Item = impl AsRef<str>>,
) -> Option<&Value> {
    tokens.try_fold(value, |value, token| {
        let token = token.as_ref();
        match value {
            Value::Object(members) => members.get(token),
            Value::Array(items) => {
                // No sign and no leading zero (RFC 6901 section 4).
                let plain = token == "0" || token.starts_with(|c: char| ('1'..='9').contains(&c));
                items.get(token.parse::<usize>().ok().filter(|_| plain)?)
            }
            _ => None,
        }
    })
}
