//! How claims are named.

use serde_json::Value;

/// Names a claim: by its name, or by a JSON pointer (RFC 6901) if it begins with `/`. `https://example.com/roles` is a
/// name, `/realm_access/roles` a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath {
    /// As a JSON pointer.
    pointer: String,
    first: String,
    rest: Vec<String>,
}

impl ClaimPath {
    /// The message says what to write instead.
    pub fn new(text: &str) -> Result<Self, String> {
        let Some(pointer) = text.strip_prefix('/') else {
            if text.is_empty() {
                return Err(String::from(
                    "an empty name names no claim; write one, as `sub` or `/org/id`",
                ));
            }
            return Ok(Self {
                pointer: format!("/{}", escape(text)),
                first: text.to_owned(),
                rest: Vec::new(),
            });
        };
        let mut tokens = pointer.split('/').map(unescape);
        let wrong = || {
            format!(
                "`{text}` is no JSON pointer (RFC 6901); write `~` as `~0` and a `/` within a name as `~1`"
            )
        };
        Ok(Self {
            first: tokens.next().flatten().ok_or_else(wrong)?,
            rest: tokens.collect::<Option<_>>().ok_or_else(wrong)?,
            pointer: text.to_owned(),
        })
    }

    /// As a JSON pointer, also if it was written as a name.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The member of the claims that it is, or lies in.
    #[must_use]
    pub fn member(&self) -> &str {
        &self.first
    }

    /// The claim, unless it is not there or null.
    #[must_use]
    pub fn find<'c>(&self, claims: &'c Value) -> Option<&'c Value> {
        let mut found = claims.as_object()?.get(&self.first)?;
        for token in &self.rest {
            found = match found {
                Value::Object(members) => members.get(token)?,
                Value::Array(elements) => elements.get(index(token)?)?,
                _ => return None,
            };
        }
        (!found.is_null()).then_some(found)
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// None for an escape that there is not.
fn unescape(token: &str) -> Option<String> {
    let mut escapes = token.split('~').skip(1);
    escapes
        .all(|rest| rest.starts_with(['0', '1']))
        .then(|| token.replace("~1", "/").replace("~0", "~"))
}

/// RFC 6901 section 4: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with(['0', '+']);
    plain.then(|| token.parse().ok())?
}
