//! Whether one key of a set can check signatures (RFC 7517 section 4), by the same rules as `jwt-auth` and for the log
//! alone: the judgement that counts is the plugin's.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use super::failure::shown;
use crate::pipeline::sandbox::{bindings::crypto::Curve, capabilities::crypto::VerifyingKey};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Worth {
    Good,
    /// It says itself that it is for something else.
    OtherUse,
    Unusable(String),
}

pub(super) fn judge(key: &Value) -> Worth {
    if is_for_something_else(key) {
        return Worth::OtherUse;
    }
    match read(key) {
        Ok(()) => Worth::Good,
        Err(why) => Worth::Unusable(why),
    }
}

fn is_for_something_else(key: &Value) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let other_use = text("use").is_some_and(|purpose| purpose != "sig");
    let other_operations = key
        .get("key_ops")
        .and_then(Value::as_array)
        .is_some_and(|all| {
            !all.iter()
                .any(|operation| operation == "verify" || operation == "sign")
        });
    // RFC 7518 section 4.1: what keys are encrypted with.
    let wraps = [
        "RSA1_5", "RSA-OAEP", "ECDH-ES", "A128", "A192", "A256", "dir", "PBES2",
    ];
    let other_algorithm =
        text("alg").is_some_and(|name| wraps.iter().any(|prefix| name.starts_with(prefix)));
    other_use || other_operations || other_algorithm || text("crv").is_some_and(agrees_on_keys)
}

/// RFC 8037 section 2: curves of key agreement.
fn agrees_on_keys(curve: &str) -> bool {
    matches!(curve, "X25519" | "X448")
}

/// The message says why it cannot be used.
fn read(key: &Value) -> Result<(), String> {
    for (name, wanted) in [
        ("use", "a text"),
        ("kid", "a text"),
        ("alg", "a text"),
        ("key_ops", "a list"),
    ] {
        let right = match key.get(name) {
            None => true,
            Some(value) if name == "key_ops" => value.is_array(),
            Some(value) => value.is_string(),
        };
        if !right {
            return Err(format!("its `{name}` is not {wanted}"));
        }
    }
    let kind = text(key, "kty")?;
    let algorithms: &[&str] = match kind {
        "RSA" => {
            VerifyingKey::rsa(&bytes(key, "n")?, &bytes(key, "e")?)?;
            &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
        }
        "EC" | "OKP" => elliptic(key, kind)?,
        "oct" => {
            VerifyingKey::hmac(bytes(key, "k")?)?;
            &["HS256", "HS384", "HS512"]
        }
        other => return Err(format!("keys of the kind {} are not known", shown(other))),
    };
    match key.get("alg").and_then(Value::as_str) {
        Some(algorithm) if !algorithms.contains(&algorithm) => Err(format!(
            "its `alg` {} does not go with it",
            shown(algorithm)
        )),
        _ => Ok(()),
    }
}

fn elliptic(key: &Value, kind: &str) -> Result<&'static [&'static str], String> {
    let (curve, algorithms): (_, &[&str]) = match (kind, text(key, "crv")?) {
        ("EC", "P-256") => (Curve::P256, &["ES256"]),
        ("EC", "P-384") => (Curve::P384, &["ES384"]),
        ("OKP", "Ed25519") => (Curve::Ed25519, &["EdDSA"]),
        (_, other) => return Err(format!("the curve {} is not known", shown(other))),
    };
    let y = match curve {
        Curve::Ed25519 => Vec::new(),
        _ => bytes(key, "y")?,
    };
    VerifyingKey::elliptic(curve, &bytes(key, "x")?, &y)?;
    Ok(algorithms)
}

fn text<'k>(key: &'k Value, name: &str) -> Result<&'k str, String> {
    let value = key.get(name).and_then(Value::as_str);
    value.ok_or_else(|| format!("it has no `{name}`"))
}

fn bytes(key: &Value, name: &str) -> Result<Vec<u8>, String> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text(key, name)?)
        .map_err(|_| format!("its `{name}` is not base64url"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(changes: &Value) -> Value {
        let mut key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    #[test]
    fn a_key_may_say_what_it_is_for() {
        for signs in [
            json!({}),
            json!({ "use": "sig", "alg": "EdDSA", "key_ops": ["verify"] }),
            json!({ "key_ops": ["sign"] }),
            json!({ "x5t": "odd", "more": [1] }),
        ] {
            assert_eq!(judge(&with(&signs)), Worth::Good, "{signs}");
        }
        for other in [
            json!({ "use": "enc" }),
            json!({ "key_ops": ["encrypt"] }),
            json!({ "alg": "RSA-OAEP-256" }),
            json!({ "crv": "X25519" }),
        ] {
            assert_eq!(judge(&with(&other)), Worth::OtherUse, "{other}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said() {
        let weak = BASE64_URL_SAFE_NO_PAD.encode([0xff; 128]);
        let cases = [
            (json!({ "kty": 7 }), "no `kty`"),
            (json!({ "kty": "new" }), "`new`"),
            (json!({ "crv": "P-521" }), "`P-521`"),
            (json!({ "crv": "P-256", "kty": "EC" }), "no `y`"),
            (json!({ "x": "AA" }), "`x` has 32 bytes"),
            (json!({ "x": "?" }), "base64url"),
            (json!({ "alg": "RS256" }), "`RS256`"),
            (json!({ "alg": 1 }), "`alg`"),
            (json!({ "use": ["sig"] }), "`use`"),
            (json!({ "key_ops": "verify" }), "`key_ops`"),
            (json!({ "kty": "RSA", "n": weak, "e": "AQAB" }), "2048"),
            (json!({ "kty": "oct", "k": "AAAA" }), "at least 32 bytes"),
        ];
        for (changes, said) in cases {
            match judge(&with(&changes)) {
                Worth::Unusable(why) => assert!(why.contains(said), "{changes}: {why}"),
                other => panic!("{changes}: {other:?}"),
            }
        }
        assert!(matches!(judge(&json!([])), Worth::Unusable(_)));
    }
}
