//! Configuration that may be shown.

use serde_json::Value;

/// What stands in place of a secret.
const MASK: &str = "***";

const SECRET_WORDS: [&str; 11] = [
    "apikey",
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

/// Replaces every value whose key is named like a secret (its last word is one: `client-secret`, `apiKey`;
/// `keys` names a key set, of public keys).
pub(super) fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if is_secret(key) && !value.is_null() {
                    *value = Value::from(MASK);
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        _ => {}
    }
}

fn is_secret(key: &str) -> bool {
    let last = key.rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
    let last = last.unwrap_or_default();
    let hump = last
        .rfind(|c: char| c.is_ascii_uppercase())
        .filter(|_| last.contains(|c: char| c.is_ascii_lowercase()));
    let last = &last[hump.unwrap_or(0)..];
    let is_word = |text: &str| SECRET_WORDS.contains(&text.to_ascii_lowercase().as_str());
    is_word(last) || is_word(key) || key.to_ascii_lowercase().contains("secret")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let mut value = json!({
            "issuer": "https://login", "clientSecret": "a", "API_KEY": "b", "secret_file": "c",
            "deep": [{ "token": { "value": "d" }, "key-set": "shown" }],
            "password": null, "token-source": "header", "keys": ["e"],
        });
        mask(&mut value);
        assert_eq!(
            value,
            json!({
                "issuer": "https://login", "clientSecret": "***", "API_KEY": "***", "secret_file": "***",
                "deep": [{ "token": "***", "key-set": "shown" }],
                "password": null, "token-source": "header", "keys": ["e"],
            })
        );
    }
}
