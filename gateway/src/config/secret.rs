//! What is probably secret in a configuration: known by the name of its key, or as the password in a URL.

use std::ops::Range;

/// What stands in place of a secret.
pub const MASK: &str = "***";

const SECRET_WORDS: [&str; 12] = [
    "apikey",
    "authorization",
    "credential",
    "credentials",
    "key",
    "passphrase",
    "password",
    "passwords",
    "secret",
    "secrets",
    "token",
    "tokens",
];

/// Whether a value under this key is: the key's last word says so (`client-secret`, `apiKey`; `keys` names a key set,
/// of public keys).
pub fn is_secret(key: &str) -> bool {
    let last = key.rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
    let last = last.unwrap_or_default();
    let hump = last
        .rfind(|c: char| c.is_ascii_uppercase())
        .filter(|_| last.contains(|c: char| c.is_ascii_lowercase()));
    let last = &last[hump.unwrap_or(0)..];
    let is_word = |text: &str| SECRET_WORDS.contains(&text.to_ascii_lowercase().as_str());
    is_word(last) || is_word(key) || key.to_ascii_lowercase().contains("secret")
}

/// A line of YAML without its secrets, as long as it was, so that a caret below it still points to its place.
pub(super) fn cover(line: &str) -> String {
    let secrets: Vec<_> = line
        .match_indices(':')
        .filter_map(|(colon, _)| secret_after(line, colon))
        .collect();
    let cover = |(at, c)| match secrets.iter().any(|secret| secret.contains(&at)) {
        true => '*',
        false => c,
    };
    line.char_indices().map(cover).collect()
}

/// A line of a text, covered: under the top-level key `secrets` every value is, whatever it stands there for, but those
/// that say where a secret stands.
pub(super) fn cover_line(text: &str, number: usize) -> Option<String> {
    let line = text.lines().nth(number)?;
    let before = text.lines().take(number + 1);
    let top =
        before.filter(|line| line.starts_with(|c: char| c.is_alphanumeric() || "\"'".contains(c)));
    let is_among_secrets = top
        .last()
        .is_some_and(|top| key_before(top.split(':').next().unwrap_or_default()) == "secrets");
    Some(match is_among_secrets {
        true => cover_values(&cover(line)),
        false => cover(line),
    })
}

fn cover_values(line: &str) -> String {
    let pieces = line.split_inclusive(['{', '}', '[', ']', ',']);
    let cover = |piece: &str| {
        let key_ends = piece
            .find(": ")
            .or_else(|| piece.trim_end().strip_suffix(':').map(str::len));
        let shown = match key_ends {
            Some(end) if ["env", "file"].contains(&key_before(&piece[..end])) => piece.len(),
            Some(end) => end + 1,
            None => 0,
        };
        let cover = |(at, c): (usize, char)| match c {
            ' ' | '-' | '{' | '}' | '[' | ']' | ',' | '#' => c,
            _ if at < shown => c,
            _ => '*',
        };
        piece.char_indices().map(cover).collect::<String>()
    };
    pieces.map(cover).collect()
}

/// What is secret behind this colon: the user in a URL, or the value of a key.
fn secret_after(line: &str, colon: usize) -> Option<Range<usize>> {
    let (before, rest) = (&line[..colon], &line[colon + 1..]);
    if let Some(after) = rest.strip_prefix("//") {
        let authority = after.split(['/', '?', '#', ' ', '\'', '"']).next()?;
        return authority.rfind('@').map(|at| colon + 3..colon + 3 + at);
    }
    if !(rest.starts_with(' ') && is_secret(key_before(before))) {
        return None;
    }
    let start = line.len() - rest.trim_start().len();
    let end = start + value_length(&line[start..], before.contains(['{', '[']));
    (!names_a_file(&line[start..end])).then_some(start..end)
}

fn key_before(text: &str) -> &str {
    let text = text.trim_end_matches(['"', '\'']);
    let begins = text.rfind(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    &text[begins.map_or(0, |place| place + 1)..]
}

/// In a flow (`{ a: b, c: d }`) the value ends before the next.
fn value_length(text: &str, in_flow: bool) -> usize {
    let quote = text.chars().next().filter(|c| "\"'".contains(*c));
    let end = match quote {
        Some(quote) => text[1..].find(quote).map(|end| end + 2),
        None if text.starts_with(['{', '[']) => None,
        None if in_flow => text.find([',', '}', ']']),
        None => None,
    };
    text[..end.unwrap_or(text.len())].trim_end().len()
}

/// As the `key` of a certificate does.
fn names_a_file(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    value.ends_with(".pem") || value.ends_with(".key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_covered_and_nothing_moves() {
        for (line, covered) in [
            ("  password: a, b  # c", "  password: *********"),
            (
                "- sign: { secret: abc, issuer: me }",
                "- sign: { secret: ***, issuer: me }",
            ),
            (
                "set: { \"Authorization\": \"Bearer x, y\", via: z }",
                "set: { \"Authorization\": *************, via: z }",
            ),
            ("client-secret: 'ä}ö' ", "client-secret: ***** "),
            ("token: [a, b]", "token: ******"),
            ("url: https://ada:pw@host/x", "url: https://******@host/x"),
            (
                "certificate: a.pem, key: a.key",
                "certificate: a.pem, key: a.key",
            ),
            ("keys: login", "keys: login"),
            ("token:", "token:"),
            ("time: 12:30, password:", "time: 12:30, password:"),
        ] {
            assert_eq!(cover(line), covered);
            assert_eq!(line.chars().count(), covered.chars().count());
        }
    }

    #[test]
    fn nothing_that_stands_among_the_secrets_is_shown() {
        let text = concat!(
            "plugins:\n  a: { component: b.wasm }\n",
            "secrets:\n  login: hunter2\n\n# on\n  other: { file: keys/x, env: NAME, value: hunter2 }\n",
            "  more:\n    - file: keys/y\n    - hunter2\n    - \"hunter2\"\n",
            "logging: { level: info }\n",
        );
        let covered: Vec<_> = (0..).map_while(|line| cover_line(text, line)).collect();
        let covered = covered.join("\n");
        assert!(!covered.contains("hunter2"), "{covered}");
        for shown in [
            "b.wasm",
            "login:",
            "file: keys/x, env: NAME, value:",
            "- file: keys/y",
            "level: info",
        ] {
            assert!(covered.contains(shown), "{covered}");
        }
        assert_eq!(covered.chars().count(), text.trim_end().chars().count());
    }
}
