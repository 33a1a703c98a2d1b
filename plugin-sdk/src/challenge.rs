//! What somebody is told who has to show who it is: `www-authenticate` (RFC 9110 section 11.6.1).
//!
//! ```
//! use witgate_plugin::challenge::Realm;
//!
//! let realm = Realm::default();
//! let challenge = realm.challenge("Bearer").error("invalid_token", "The token has expired.");
//! let reply = challenge.reply(401, "token-expired", "The token has expired.");
//! let (name, value) = reply.headers.last().unwrap();
//! assert_eq!(name, "www-authenticate");
//! assert_eq!(value, br#"Bearer realm="api", error="invalid_token", error_description="The token has expired""#);
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Reply, config::Problem};

/// Where clients are, as a route file says it. Default: `api`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Realm(String);

impl Default for Realm {
    fn default() -> Self {
        Self(String::from("api"))
    }
}

impl Realm {
    /// What is wrong with it, relative to the realm itself.
    pub fn check(&self) -> Option<Problem> {
        let printable = self.0.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let message = "a realm is printable ASCII (RFC 9110 section 11.5)";
        (!printable).then(|| Problem::at("", message))
    }

    /// To show who it is by this scheme.
    pub fn challenge(&self, scheme: &str) -> Challenge {
        Challenge(scheme.to_owned()).add(" ", "realm", &self.0)
    }
}

/// One challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// A further parameter.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        self.add(", ", name, value)
    }

    /// What was wrong with a bearer token (RFC 6750 section 3): one of its codes, and words for developers.
    #[must_use]
    pub fn error(self, code: &str, description: &str) -> Self {
        let described = description.trim_end_matches('.');
        self.with("error", code)
            .with("error_description", described)
    }

    fn add(mut self, separator: &str, name: &str, value: &str) -> Self {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        self.0.push_str(&format!("{separator}{name}=\"{value}\""));
        self
    }

    /// A [problem](Reply::problem) with this challenge, which nobody may keep.
    pub fn reply(&self, status: u16, code: &str, detail: &str) -> Reply {
        Reply::problem(status, code, detail)
            .header("cache-control", "no-store")
            .header("www-authenticate", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_quoted_and_must_be_printable() {
        let realm = Realm(String::from(r#"the "sh\op""#));
        assert_eq!(realm.check(), None);
        let challenge = realm.challenge("Basic").with("charset", "UTF-8");
        assert_eq!(
            challenge.0,
            r#"Basic realm="the \"sh\\op\"", charset="UTF-8""#
        );
        for unprintable in ["\u{e9}", "a\nb", "\u{7f}"] {
            assert!(Realm(unprintable.into()).check().is_some());
        }
    }
}
