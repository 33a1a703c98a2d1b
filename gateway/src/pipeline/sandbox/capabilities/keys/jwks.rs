//! Whether something is a JWK set (RFC 7517 section 5). What the keys are worth, the plugins judge.

use serde::Deserialize;

/// A set of more is no set of keys.
pub(super) const MOST_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(rename = "kty")]
    _key_type: String,
    kid: Option<String>,
}

/// A text that is a JWK set.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Jwks {
    /// As it was published.
    pub(super) text: String,
    /// Of each key its id, if it has one.
    pub(super) kids: Vec<Option<String>>,
}

pub(super) fn check(bytes: Vec<u8>) -> Result<Jwks, String> {
    if bytes.len() > MOST_BYTES {
        return Err(String::from("it is longer than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| String::from("it is not UTF-8"))?;
    let set = serde_json::from_str::<JwkSet>(&text)
        .map_err(|error| format!("it is no JWK set: {error}"))?;
    let kids = set.keys.into_iter().map(|key| key.kid).collect();
    Ok(Jwks { text, kids })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_jwk_set_is_one() {
        let check = |text: &str| check(text.into()).map(|jwks| jwks.kids);
        assert_eq!(
            check(r#"{"keys":[{"kty":"OKP","kid":"a"},{"kty":"new"}],"more":1}"#),
            Ok(vec![Some("a".into()), None])
        );
        assert_eq!(check(r#"{"keys":[]}"#), Ok(vec![]));
        for wrong in [
            "",
            "[]",
            "{}",
            "<html>",
            r#"{"keys":{}}"#,
            r#"{"keys":[{}]}"#,
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert!(super::check(vec![b' '; MOST_BYTES + 1]).is_err());
        assert!(super::check(vec![0xff]).is_err());
    }
}
