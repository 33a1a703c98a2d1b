//! Configuration that may be shown.

use serde_json::Value;

use crate::config::secret::{MASK, is_secret};

/// Replaces every value whose key is named like a secret.
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
