//! The words of an error: what was expected, what was found, what was probably meant.

use serde::de::{Expected, Unexpected};

/// What a visitor expects, in the terms of the file rather than of the code.
pub(super) fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let integer = |least: &str, most: &str| format!("a whole number from {least} to {most}");
    match text.as_str() {
        "u8" => integer("0", "255"),
        "u16" => integer("0", "65535"),
        "u32" => integer("0", "4294967295"),
        "u64" | "usize" => "a whole number, not negative".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" => "`true` or `false`".into(),
        "a string" | "path string" => "text".into(),
        "a sequence" => "a list".into(),
        "a map" => "a mapping".into(),
        "socket address" => "an address and a port, as `0.0.0.0:8080`".into(),
        _ if text.starts_with("struct ") => "a mapping".into(),
        _ if text.starts_with("enum ") => "a word".into(),
        _ => text,
    }
}

pub(super) fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str("") => "an empty text".into(),
        Unexpected::Str(value) => format!("`{}`", excerpt(value)),
        Unexpected::Unit | Unexpected::Option => "nothing".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a mapping".into(),
        other => other.to_string(),
    }
}

pub(super) fn hint(found: Unexpected<'_>, wanted: &str) -> Option<String> {
    match found {
        Unexpected::Bool(value) if wanted == "text" => {
            Some(format!("write it in quotes: \"{value}\""))
        }
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_)
            if wanted == "text" =>
        {
            Some("write it in quotes".into())
        }
        Unexpected::Str(value @ ("yes" | "on")) if wanted.starts_with("`true`") => {
            Some(format!("write `true` for `{value}`"))
        }
        Unexpected::Str(value @ ("no" | "off")) if wanted.starts_with("`true`") => {
            Some(format!("write `false` for `{value}`"))
        }
        Unexpected::Unit => Some("give it a value, or remove the key".into()),
        _ => None,
    }
}

/// What to write, for messages of parsers that do not say it.
pub(super) fn example(message: &str) -> Option<&'static str> {
    match message {
        "invalid socket address syntax" => Some("write an address and a port, as `0.0.0.0:8080`"),
        "invalid IP address syntax" => Some("write a network, as `10.0.0.0/8`"),
        _ => None,
    }
}

/// The known name that was probably meant.
pub(super) fn nearest(name: &str, known: &'static [&'static str]) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&name, known), *known))
        .filter(|(distance, known)| *distance <= 1 + known.len().min(name.len()) / 4)
        .min()
        .map(|(_, known)| known)
}

pub(super) fn choices(meant: Option<&str>, known: &[&str]) -> String {
    let known = known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    match meant {
        Some(meant) => format!("did you mean `{meant}`? (known: {known})"),
        None => format!("known: {known}"),
    }
}

/// A value short enough for a sentence.
pub(super) fn excerpt(value: &str) -> String {
    const LONGEST: usize = 60;
    let line = value.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < value.trim_end().len() => format!("{line}…"),
        None => line.into(),
    }
}
