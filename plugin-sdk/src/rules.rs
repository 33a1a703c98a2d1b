//! Rules over claims: what a token, or any JSON object, must say.
//!
//! ```
//! use witgate_plugin::{prelude::*, rules::{Rule, RuleConfig}};
//!
//! /// Lets in whom the rule describes.
//! #[config]
//! struct Settings {
//!     require: RuleConfig,
//! }
//!
//! # fn prepare(settings: Settings) -> Result<Rule, Vec<Problem>> {
//! let rule = Rule::compile(settings.require, "/require")?;
//! # Ok(rule)
//! # }
//! ```
//!
//! In a route file:
//!
//! ```yaml
//! require:
//!   any:
//!     - { claim: /realm_access/roles, contains: admin }
//!     - all:
//!         - { claim: plan, one-of: [gold, platinum] }
//!         - not: { claim: suspended, equals: true }
//! ```
//!
//! | test of a `claim` | holds when |
//! |---|---|
//! | `equals: V` | it is this text, number or boolean; `"1"` is not `1`, `1.0` is |
//! | `one-of: [V, …]` | it equals one of them |
//! | `contains: V` | it is a list with this element, or a text with this word, as `scope` has them between blanks |
//! | `prefix: TEXT`, `suffix: TEXT` | it is a text that begins or ends so |
//! | `exists: true` or `false` | it is there and not null, or it is not |
//!
//! A test of a claim that is not there does not hold (but for `exists: false`), and so `not` of it does.

mod compile;
mod config;
mod path;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::{Number, Value};

pub use config::RuleConfig;
pub use path::ClaimPath;

/// A rule that is ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Not(Box<Rule>),
    Claim(ClaimPath, Test),
}

/// What one claim must be like. The values are texts, numbers and booleans.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    OneOf(Vec<Value>),
    Contains(Value),
    Prefix(String),
    Suffix(String),
    Exists(bool),
}

impl Rule {
    /// Whether these claims, a JSON object, are as the rule wants them.
    #[must_use]
    pub fn holds(&self, claims: &Value) -> bool {
        self.ask(&mut |path| path.find(claims).map(Cow::Borrowed))
    }

    /// As [`holds`](Self::holds), for claims that come one by one: none for a claim that is not there.
    #[must_use]
    pub fn holds_with(&self, mut find: impl FnMut(&ClaimPath) -> Option<Value>) -> bool {
        self.ask(&mut |path| find(path).filter(|found| !found.is_null()).map(Cow::Owned))
    }

    /// The claims that it asks for.
    #[must_use]
    pub fn claims(&self) -> Vec<&ClaimPath> {
        match &self.0 {
            Kind::All(rules) | Kind::Any(rules) => rules.iter().flat_map(Self::claims).collect(),
            Kind::Not(rule) => rule.claims(),
            Kind::Claim(path, _) => vec![path],
        }
    }

    fn ask<'v>(&self, find: &mut impl FnMut(&ClaimPath) -> Option<Cow<'v, Value>>) -> bool {
        match &self.0 {
            Kind::All(rules) => rules.iter().all(|rule| rule.ask(find)),
            Kind::Any(rules) => rules.iter().any(|rule| rule.ask(find)),
            Kind::Not(rule) => !rule.ask(find),
            Kind::Claim(path, test) => match find(path) {
                Some(value) => test.passes(&value),
                None => *test == Test::Exists(false),
            },
        }
    }
}

impl Test {
    fn passes(&self, found: &Value) -> bool {
        match self {
            Self::OneOf(values) => values.iter().any(|value| same(value, found)),
            Self::Contains(value) => match found {
                Value::Array(elements) => elements.iter().any(|element| same(value, element)),
                Value::String(words) => words.split(' ').any(|word| value == word),
                _ => false,
            },
            Self::Prefix(prefix) => found.as_str().is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => found.as_str().is_some_and(|text| text.ends_with(suffix)),
            Self::Exists(exists) => *exists,
        }
    }
}

fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Number(wanted), Value::Number(found)) => equal(wanted, found),
        _ => wanted == found,
    }
}

/// By value: JSON does not tell 1 from 1.0 (RFC 8259 section 6).
fn equal(a: &Number, b: &Number) -> bool {
    let whole = |number: &Number| {
        let unsigned = number.as_u64().map(i128::from);
        unsigned.or_else(|| number.as_i64().map(i128::from))
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64() == b.as_f64(),
    }
}
