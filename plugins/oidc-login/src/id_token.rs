//! Whether an ID token can be believed (OpenID Connect Core section 3.1.3.7).

use std::{future::poll_fn, task::Poll};

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use witgate_jose::{Fault, Keys};

/// In seconds: how far the issuer's clock may be off.
const LEEWAY: u64 = 60;

/// Whom a token must be from and for.
pub(crate) struct Expected<'e> {
    pub(crate) issuer: &'e str,
    pub(crate) client_id: &'e str,
    /// None when it comes with a refresh, where no nonce was sent.
    pub(crate) nonce: Option<&'e str>,
    /// Whom it must still be about; none at the login.
    pub(crate) subject: Option<&'e str>,
}

/// What the token says, once it is verified. The error is for the log.
pub(crate) async fn verify(
    token: &str,
    keys: &Keys,
    algorithms: &[Algorithm],
    expected: &Expected<'_>,
    now: u64,
) -> Result<Map<String, Value>, String> {
    let payload = signed(token, keys, algorithms)
        .await
        .map_err(|fault| fault.to_string())?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload)
        .map_err(|_| String::from("its claims are no JSON object"))?;
    judge(&claims, expected, now)?;
    Ok(claims)
}

/// A key that is not known is fetched, once per cool-down of the key set.
async fn signed(token: &str, keys: &Keys, algorithms: &[Algorithm]) -> Result<Vec<u8>, Fault> {
    poll_fn(|_| {
        keys.update();
        match witgate_jose::verify(token.as_bytes(), keys, algorithms) {
            Err(Fault::UnknownKey | Fault::NoKeys) if keys.ask_for_refresh() => Poll::Pending,
            result => Poll::Ready(result.map(|signed| signed.payload)),
        }
    })
    .await
}

fn judge(claims: &Map<String, Value>, expected: &Expected<'_>, now: u64) -> Result<(), String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let date = |name: &str| claims.get(name).and_then(Value::as_f64);
    let wrong = |what: &str| Err(format!("its `{what}` is wrong"));
    if text("iss") != Some(expected.issuer) {
        return wrong("iss");
    }
    if !is_for(claims.get("aud"), expected.client_id) {
        return wrong("aud");
    }
    // Only this client may have asked for it.
    if claims.contains_key("azp") && text("azp") != Some(expected.client_id) {
        return wrong("azp");
    }
    if text("sub").is_none_or(str::is_empty) {
        return wrong("sub");
    }
    if expected.subject.is_some() && expected.subject != text("sub") {
        return wrong("sub");
    }
    if expected.nonce.is_some() && expected.nonce != text("nonce") {
        return wrong("nonce");
    }
    let now = now as f64;
    if date("exp").is_none_or(|exp| exp + LEEWAY as f64 <= now) {
        return wrong("exp");
    }
    if date("iat").is_none_or(|iat| iat > now + LEEWAY as f64) {
        return wrong("iat");
    }
    if date("nbf").is_some_and(|nbf| nbf > now + LEEWAY as f64) {
        return wrong("nbf");
    }
    Ok(())
}

/// For this client alone: no other is trusted here.
fn is_for(audience: Option<&Value>, client_id: &str) -> bool {
    match audience {
        Some(Value::String(audience)) => audience == client_id,
        Some(Value::Array(audiences)) => {
            !audiences.is_empty() && audiences.iter().all(|audience| audience == client_id)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(changes: Value) -> Result<(), String> {
        let usual = json!({ "iss": "https://login", "aud": "shop", "sub": "ada", "nonce": "n", "iat": 1000, "exp": 2000 });
        let Value::Object(mut claims) = usual else {
            panic!("it is an object");
        };
        let Value::Object(changes) = changes else {
            panic!("it is an object");
        };
        claims.extend(changes);
        claims.retain(|_, value| !value.is_null());
        let expected = Expected {
            issuer: "https://login",
            client_id: "shop",
            nonce: Some("n"),
            subject: None,
        };
        judge(&claims, &expected, 1500)
    }

    #[test]
    fn claims_are_judged_as_the_standard_says() {
        for right in [
            json!({}),
            json!({ "aud": ["shop"] }),
            json!({ "azp": "shop" }),
            json!({ "exp": 1441 }),
            json!({ "iat": 1560.5 - 1.0 }),
        ] {
            assert_eq!(judged(right.clone()), Ok(()), "{right}");
        }
        for (wrong, what) in [
            (json!({ "iss": "https://login/" }), "iss"),
            (json!({ "iss": null }), "iss"),
            (json!({ "aud": "other" }), "aud"),
            (json!({ "aud": ["shop", "other"] }), "aud"),
            (json!({ "aud": [] }), "aud"),
            (json!({ "aud": null }), "aud"),
            (json!({ "azp": "other" }), "azp"),
            (json!({ "azp": 1 }), "azp"),
            (json!({ "sub": null }), "sub"),
            (json!({ "sub": "" }), "sub"),
            (json!({ "nonce": "m" }), "nonce"),
            (json!({ "nonce": null }), "nonce"),
            (json!({ "exp": 1440 }), "exp"),
            (json!({ "exp": null }), "exp"),
            (json!({ "exp": "2000" }), "exp"),
            (json!({ "iat": 1561 }), "iat"),
            (json!({ "iat": null }), "iat"),
            (json!({ "nbf": 1561 }), "nbf"),
        ] {
            assert_eq!(
                judged(wrong.clone()),
                Err(format!("its `{what}` is wrong")),
                "{wrong}"
            );
        }
    }
}
