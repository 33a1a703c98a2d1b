//! What the gateway adds to a request so that the server knows who asks; no plugin ever sees it.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::error::Error;
use crate::{config::raw::SendCredentials, pipeline::sandbox::capabilities::secrets::Handle};

/// Of `application/x-www-form-urlencoded`: what does not stand for itself, besides the space.
const FORM: AsciiSet = NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b' ');

/// How the gateway proves to a server who it is. Secrets are read when they are needed, so that a new one counts at
/// once.
#[derive(Clone, Debug)]
pub(super) enum Authorization {
    Basic {
        user: String,
        password: (String, Handle),
    },
    ClientCredentials {
        id: String,
        secret: (String, Handle),
        send: SendCredentials,
    },
    Bearer((String, Handle)),
}

impl PartialEq for Authorization {
    /// By the names of the secrets: a handle follows what they are.
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Authorization {
    fn parts(&self) -> (&'static str, &str, &str) {
        match self {
            Self::Basic { user, password } => ("basic", user, &password.0),
            Self::ClientCredentials { id, secret, send } => match send {
                SendCredentials::Header => ("header", id, &secret.0),
                SendCredentials::Body => ("body", id, &secret.0),
            },
            Self::Bearer(token) => ("bearer", "", &token.0),
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "basic",
            Self::ClientCredentials { .. } => "client-credentials",
            Self::Bearer(_) => "bearer",
        }
    }
}

/// Puts the credentials in the place of what the request itself says of who asks.
pub(super) fn add(
    authorization: &Authorization,
    headers: &mut HeaderMap,
    body: &mut Vec<u8>,
) -> Result<(), Error> {
    headers.remove(header::AUTHORIZATION);
    match authorization {
        Authorization::Basic { user, password } => {
            let pair = [user.as_bytes(), b":", &bytes(password)?].concat();
            set(headers, "Basic", &BASE64_STANDARD.encode(pair))
        }
        Authorization::Bearer(token) => {
            let token = bytes(token)?;
            let token = std::str::from_utf8(&token).map_err(|_| unfit())?;
            set(headers, "Bearer", token)
        }
        Authorization::ClientCredentials { id, secret, send } => {
            let secret = bytes(secret)?;
            let form = is_form(headers);
            if form {
                *body = without_client(body);
            }
            match send {
                SendCredentials::Header => {
                    let pair = [encoded(id.as_bytes()), encoded(&secret)].join(":");
                    set(headers, "Basic", &BASE64_STANDARD.encode(pair))
                }
                SendCredentials::Body if form => {
                    if !body.is_empty() {
                        body.push(b'&');
                    }
                    let id = encoded(id.as_bytes());
                    let secret = encoded(&secret);
                    body.extend(format!("client_id={id}&client_secret={secret}").into_bytes());
                    Ok(())
                }
                SendCredentials::Body => {
                    let what = "this client's credentials go into a form, and its body is none";
                    Err(Error::Invalid(what.into()))
                }
            }
        }
    }
}

fn bytes((name, secret): &(String, Handle)) -> Result<Vec<u8>, Error> {
    let content = secret.content();
    let gone = || Error::Invalid(format!("the secret `{name}` is declared no more"));
    Ok(content.ok_or_else(gone)?.newest().to_vec())
}

fn set(headers: &mut HeaderMap, scheme: &str, value: &str) -> Result<(), Error> {
    let mut value = HeaderValue::try_from(format!("{scheme} {value}")).map_err(|_| unfit())?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(())
}

fn unfit() -> Error {
    Error::Invalid("the secret of its `authorization` cannot stand in a header field".into())
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let media_type = value.and_then(|value| value.split(|byte| *byte == b';').next());
    media_type.is_some_and(|it| {
        it.trim_ascii()
            .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    })
}

/// A form without what it says of the client: no parameter may be there twice (RFC 6749 section 3.2).
fn without_client(form: &[u8]) -> Vec<u8> {
    let is_of_client = |pair: &&[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        let name = percent_decode(name).collect::<Vec<_>>();
        matches!(&*name, b"client_id" | b"client_secret")
    };
    let pairs = form.split(|byte| *byte == b'&');
    let others = pairs.filter(|pair| !pair.is_empty() && !is_of_client(pair));
    others.collect::<Vec<_>>().join(&b"&"[..])
}

fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, &FORM).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded_as_a_form() {
        // RFC 6749 appendix B: a space, `%`, `&`, `+`, the pound and euro signs.
        assert_eq!(encoded(" %&+£€".as_bytes()), "+%25%26%2B%C2%A3%E2%82%AC");
        assert_eq!(encoded(b"a:b~c-d_e.f*"), "a%3Ab%7Ec-d_e.f*");
    }

    #[test]
    fn what_a_form_says_of_the_client_is_taken_out() {
        let cleaned = |form: &str| String::from_utf8(without_client(form.as_bytes())).unwrap();
        assert_eq!(
            cleaned("grant_type=x&client_id=a&scope=y&client%5Fsecret=b&client_id"),
            "grant_type=x&scope=y"
        );
        assert_eq!(cleaned("client_idx=1&"), "client_idx=1");
    }
}
