//! Regular expressions that match the whole of a value.

mod own;

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use self::own::Slot;
use super::report::Invalid;

/// Of one compiled expression.
const SIZE_LIMIT: usize = 1 << 20;
/// Of the cache that a thread fills while matching.
const CACHE_LIMIT: usize = 1 << 18;
const LENGTH_LIMIT: usize = 4096;

/// A regular expression (RE2 syntax) anchored at both ends.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Arc<str>,
    regex: Regex,
    slot: Arc<Slot>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Expression {
    pub fn new(text: &str) -> Result<Self, Invalid> {
        if text.len() > LENGTH_LIMIT {
            return Err(Invalid::new(
                format!("a regular expression of {} bytes is too long", text.len()),
                format!("at most {LENGTH_LIMIT} bytes: split the route"),
            ));
        }
        // Once by itself, so that an unbalanced parenthesis cannot close the group that anchors it.
        let regex = build(text)
            .and_then(|_| build(&format!(r"\A(?:{text})\z")))
            .map_err(|error| explain(&error))?;
        Ok(Self {
            text: text.into(),
            regex,
            slot: Slot::take(),
        })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_match(&self, value: &[u8]) -> bool {
        own::with(&self.slot, &self.regex, |own| own.regex.is_match(value))
    }

    /// The number of a named group.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().position(|n| n == Some(name))
    }

    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.regex.capture_names().flatten()
    }

    /// Start and end of each group; those that took no part are empty.
    pub fn locate(&self, value: &[u8], group: usize) -> (usize, usize) {
        own::with(&self.slot, &self.regex, |own| {
            let found = own.regex.captures_read(&mut own.locations, value);
            found.and_then(|_| own.locations.get(group))
        })
        .unwrap_or_default()
    }
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(CACHE_LIMIT)
        .nest_limit(64)
        .build()
}

fn explain(error: &regex::Error) -> Invalid {
    if let regex::Error::CompiledTooBig(_) = error {
        return Invalid::new(
            format!("the regular expression takes more than {SIZE_LIMIT} bytes when compiled"),
            "use smaller repetitions, or `(?-u)` where ASCII will do",
        );
    }
    // The crate draws the expression and a caret over several lines; its last line says what is wrong.
    let whole = error.to_string();
    let last = whole.lines().last().unwrap_or_default();
    Invalid::new(
        format!(
            "bad regular expression: {}",
            last.trim_start_matches("error: ")
        ),
        "write it in RE2 syntax: no look-around, no back-references",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_value_must_match() {
        let expression = Expression::new("a|ab").unwrap();
        assert!(expression.is_match(b"ab"));
        assert!(!expression.is_match(b"abc"));
        assert!(!expression.is_match(b"xa"));
        let lines = Expression::new("(?m)^a$").unwrap();
        assert!(!lines.is_match(b"a\nb"));
    }

    #[test]
    fn what_cannot_be_used_is_explained() {
        let message = |text: &str| Expression::new(text).unwrap_err().message;
        assert_eq!(message("(a"), "bad regular expression: unclosed group");
        assert!(message("a)(b").contains("unopened group"));
        assert!(message(r"(\w{100}){1000}").contains("when compiled"));
        assert!(message(&"a".repeat(5000)).contains("too long"));
        assert!(message("(?=a)").contains("look-around"));
    }
}
