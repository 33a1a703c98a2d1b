//! Whether something is a JWK set (RFC 7517 section 5), and which of its keys are of use.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    discovery::malformed,
    failure::{Failure, Kind, shown},
    worth::{Worth, judge},
};

/// A set of more is no set of keys.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// Each key may be tried with a token, and every instance of a plugin prepares those that are.
const MOST_KEYS: usize = 128;

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Value>,
}

/// A text that is a JWK set.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Jwks {
    /// As it was published.
    pub(super) text: String,
    /// Of each key its id, if it has one.
    pub(super) kids: Vec<Option<String>>,
    /// What is odd about it. Keys that are meant for something else than signatures are not.
    pub(super) oddities: Vec<String>,
    /// Keys that check no signature though they are not meant for anything else.
    pub(super) unusable: usize,
}

impl Jwks {
    /// New keys, for the log.
    pub(super) fn announce(&self, name: &str) {
        const MOST: usize = 5;
        let keys = self.kids.len();
        tracing::info!(key_set = name, keys, "the key set has new content");
        if self.oddities.is_empty() {
            return;
        }
        let mut said = self.oddities.clone();
        said.truncate(MOST);
        if self.oddities.len() > MOST {
            said.push(format!("and {} more", self.oddities.len() - MOST));
        }
        let said = said.join("; ");
        tracing::warn!(key_set = name, %said, "there is something odd about the key set; its other keys are used");
    }
}

pub(super) fn check(bytes: Vec<u8>) -> Result<Jwks, Failure> {
    let too_large = |what: String| Err(Failure::new(Kind::TooLarge, what));
    if bytes.len() > MOST_BYTES {
        return too_large(format!("it is longer than {MOST_BYTES} bytes"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Kind::Malformed, "it is no JWK set: it is not UTF-8"))?;
    let set = serde_json::from_str::<JwkSet>(&text)
        .map_err(|error| malformed("JWK set", text.as_bytes(), &error))?;
    if set.keys.len() > MOST_KEYS {
        let keys = set.keys.len();
        return too_large(format!(
            "it has {keys} keys, and at most {MOST_KEYS} are taken"
        ));
    }
    let worths = set.keys.iter().map(judge).collect::<Vec<_>>();
    let unusable = |worth: &&Worth| matches!(worth, Worth::Unusable(_));
    let jwks = Jwks {
        text,
        kids: set
            .keys
            .iter()
            .map(|key| id(key).map(String::from))
            .collect(),
        oddities: oddities(&set.keys, &worths),
        unusable: worths.iter().filter(unusable).count(),
    };
    // What is there already is better than that. No keys at all are what an issuer publishes that has withdrawn them.
    if jwks.unusable > 0 && !worths.contains(&Worth::Good) {
        let message = format!("it has no key of use: {}", jwks.oddities.join("; "));
        return Err(Failure::new(
            Kind::NoUsableKey,
            message.chars().take(1000).collect::<String>(),
        ));
    }
    Ok(jwks)
}

fn id(key: &Value) -> Option<&str> {
    key.get("kid").and_then(Value::as_str)
}

fn oddities(keys: &[Value], worths: &[Worth]) -> Vec<String> {
    let mut oddities = Vec::new();
    for (index, (key, worth)) in keys.iter().zip(worths).enumerate() {
        let name = || match id(key) {
            Some(id) => format!("the key {}", shown(id)),
            None => format!("the key at {index}"),
        };
        if let Worth::Unusable(why) = worth {
            oddities.push(format!("{} is left out: {why}", name()));
        }
        if key.get("d").is_some() {
            oddities.push(format!(
                "{} is published with its private half: whoever reads it can sign",
                name()
            ));
        }
    }
    let mut same = BTreeMap::<_, usize>::new();
    for (key, _) in keys
        .iter()
        .zip(worths)
        .filter(|(_, worth)| **worth == Worth::Good)
    {
        *same.entry(id(key)).or_default() += 1;
    }
    for (id, count) in same {
        if let (Some(id), 2..) = (id, count) {
            oddities.push(format!(
                "{count} keys have the id {}: each is tried",
                shown(id)
            ));
        }
    }
    oddities
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn ed25519(more: &str) -> String {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"{more}}}"#)
    }

    fn set(keys: &[String]) -> Result<Jwks, Failure> {
        check(format!(r#"{{"keys":[{}],"more":1}}"#, keys.join(",")).into())
    }

    fn kind(bytes: impl Into<Vec<u8>>) -> Kind {
        check(bytes.into()).unwrap_err().kind
    }

    #[test]
    fn only_a_jwk_set_is_one() {
        let kids = |keys: &[String]| set(keys).unwrap().kids;
        assert_eq!(
            kids(&[ed25519(r#","kid":"a""#), ed25519("")]),
            [Some(String::from("a")), None]
        );
        assert!(kids(&[]).is_empty());
        for wrong in ["", "[]", "{}", "<html>", r#"{"keys":{}}"#] {
            assert_eq!(kind(wrong), Kind::Malformed, "{wrong}");
        }
        assert_eq!(kind([0xff]), Kind::Malformed);
        assert_eq!(kind(vec![b' '; MOST_BYTES + 1]), Kind::TooLarge);
        let many = vec![ed25519(""); MOST_KEYS + 1];
        assert_eq!(set(&many).unwrap_err().kind, Kind::TooLarge);
        assert!(set(&many[1..]).is_ok());
    }

    #[test]
    fn one_odd_key_does_not_spoil_the_others() {
        let odd = set(&[
            String::from("7"),
            String::from("{}"),
            ed25519(r#","kid":"enc","use":"enc""#),
            ed25519(r#","kid":"old","alg":"ES512""#),
            ed25519(r#","kid":"good""#),
        ])
        .unwrap();
        assert_eq!((odd.unusable, odd.oddities.len()), (3, 3), "{odd:?}");
        assert!(odd.oddities[2].contains("`old`"), "{odd:?}");
    }

    #[test]
    fn a_set_without_any_key_of_use_is_not_taken() {
        for other in [String::from("{}"), ed25519(r#","use":"enc""#)] {
            let useless = set(&[other, ed25519(r#","alg":"none""#)]).unwrap_err();
            assert_eq!(useless.kind, Kind::NoUsableKey);
        }
        // Keys for encryption alone are what somebody meant.
        assert!(set(&[ed25519(r#","use":"enc""#)]).is_ok());
    }

    #[test]
    fn what_operators_should_know_is_said() {
        let twice = ed25519(r#","kid":"a\nb""#);
        let private = ed25519(r#","kid":"p","d":"AAAA""#);
        let said = set(&[twice.clone(), twice, private]).unwrap().oddities;
        assert!(said[0].contains("private half"), "{said:?}");
        assert_eq!(said[1], r"2 keys have the id `a\nb`: each is tried");
    }
}
