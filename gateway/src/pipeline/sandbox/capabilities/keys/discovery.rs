//! Where an issuer has its keys: OpenID Connect Discovery 1.0 section 4, and RFC 8414 section 3.

use std::net::IpAddr;

use http::Uri;
use serde::Deserialize;

use super::{
    document,
    failure::{Failure, Kind, shown},
};

/// The description of an issuer has a few dozen members.
const MOST_BYTES: usize = 256 << 10;

/// An issuer, as tokens name it in `iss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issuer {
    /// To the last slash: issuers are compared byte by byte (RFC 8414 section 3.3).
    pub(super) name: String,
    /// Where it describes itself: as OpenID Connect has it, then as RFC 8414 has it.
    places: [Uri; 2],
    secure: bool,
}

impl Issuer {
    /// The message says what is wrong.
    pub(super) fn new(name: &str) -> Result<Self, String> {
        let url = name
            .parse::<Uri>()
            .map_err(|error| format!("this is no URL: {error}"))?;
        let secure = url.scheme_str() == Some("https");
        if !secure && !is_local(&url) {
            let message = "an issuer is an https URL (RFC 8414 section 2); http is believed only on this machine itself";
            return Err(String::from(message));
        }
        // A fragment does not survive the parser.
        if url.query().is_some() || name.contains('#') {
            return Err(String::from(
                "an issuer has neither query nor fragment (RFC 8414 section 2)",
            ));
        }
        let authority = url.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(String::from("an issuer has neither user nor password"));
        }
        let scheme = if secure { "https" } else { "http" };
        let path = url.path().trim_end_matches('/');
        let place = |path: &str| {
            format!("{scheme}://{authority}{path}")
                .parse()
                .map_err(|error| format!("this is no URL: {error}"))
        };
        Ok(Self {
            name: name.to_owned(),
            places: [
                place(&format!("{path}/.well-known/openid-configuration"))?,
                place(&format!("/.well-known/oauth-authorization-server{path}"))?,
            ],
            secure,
        })
    }

    /// Where its keys are, by what it says of itself now.
    pub(super) async fn keys(&self) -> Result<Uri, Failure> {
        let [first, second] = &self.places;
        let failed = match self.ask(first).await {
            Err(failure) if is_elsewhere(failure.kind) => failure,
            found => return found.map_err(|failure| failure.of(first.path())),
        };
        self.ask(second).await.map_err(|failure| {
            // Few issuers have both: what the first says is what people look for.
            let also = format!("{failed}; {}", second.path());
            failure.of(&also).of(first.path())
        })
    }

    async fn ask(&self, place: &Uri) -> Result<Uri, Failure> {
        let document = document::get(place, MOST_BYTES).await?;
        self.read(&document.bytes)
    }

    fn read(&self, json: &[u8]) -> Result<Uri, Failure> {
        let description = serde_json::from_slice::<Description>(json)
            .map_err(|error| malformed("description of an issuer", json, &error))?;
        if description.issuer != self.name {
            let message = format!(
                "it describes the issuer {}, not `{}`: write in witgate.yaml what it calls itself, to the last slash, if that is who is meant",
                shown(&description.issuer),
                self.name
            );
            return Err(Failure::new(Kind::WrongIssuer, message));
        }
        let unsafe_url = |why: &str| {
            let message = format!("its `jwks_uri` is {}, {why}", shown(&description.jwks_uri));
            Failure::new(Kind::UnsafeUrl, message)
        };
        let url = description
            .jwks_uri
            .parse::<Uri>()
            .map_err(|_| unsafe_url("which is no URL"))?;
        let secure = url.scheme_str() == Some("https") && url.host().is_some();
        // An issuer on this machine may have its keys there; one from outside must not make the gateway ask there.
        if !secure && (self.secure || !is_local(&url)) {
            return Err(unsafe_url("which is not https"));
        }
        Ok(url)
    }
}

#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

/// Whether the other place may have the description.
fn is_elsewhere(kind: Kind) -> bool {
    matches!(kind, Kind::Status | Kind::Redirect | Kind::Malformed)
}

/// `http://` and this machine itself.
fn is_local(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let local = match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    url.scheme_str() == Some("http") && local
}

/// Says in particular when it is a page for people.
pub(super) fn malformed(wanted: &str, bytes: &[u8], error: &serde_json::Error) -> Failure {
    let page = bytes.trim_ascii_start().starts_with(b"<");
    let what = if page {
        String::from("it is a page of HTML")
    } else {
        error.to_string()
    };
    Failure::new(Kind::Malformed, format!("it is no {wanted}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(name: &str) -> Vec<String> {
        let issuer = Issuer::new(name).unwrap();
        issuer.places.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_issuer_with_a_path_is_described_in_two_places() {
        for name in ["https://a.test/realms/x", "https://a.test/realms/x/"] {
            assert_eq!(
                places(name),
                [
                    "https://a.test/realms/x/.well-known/openid-configuration",
                    "https://a.test/.well-known/oauth-authorization-server/realms/x",
                ]
            );
        }
        assert_eq!(
            places("http://127.0.0.1:8080"),
            [
                "http://127.0.0.1:8080/.well-known/openid-configuration",
                "http://127.0.0.1:8080/.well-known/oauth-authorization-server",
            ]
        );
    }

    #[test]
    fn an_issuer_is_asked_over_https_or_on_this_machine() {
        for right in ["https://a.test", "http://localhost:1", "http://[::1]:1/x"] {
            assert!(Issuer::new(right).is_ok(), "{right}");
        }
        for wrong in [
            "a.test",
            "http://a.test",
            "http://127.0.0.1.a.test",
            "ftp://localhost",
            "https://a.test/?x=1",
            "https://a.test/#x",
            "https://ada@a.test/",
            "/relative",
        ] {
            assert!(Issuer::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_description_is_believed_of_its_own_issuer_alone() {
        let issuer = Issuer::new("https://a.test/x").unwrap();
        let read = |name: &str, url: &str| {
            let json = serde_json::json!({ "issuer": name, "jwks_uri": url, "more": [1] });
            let read = issuer.read(json.to_string().as_bytes());
            read.map(|url| url.to_string())
                .map_err(|failure| failure.kind)
        };
        let keys = "https://keys.test/jwks?v=1";
        assert_eq!(read("https://a.test/x", keys), Ok(keys.to_owned()));
        for other in [
            "https://a.test/x/",
            "https://a.test",
            "https://A.test/x",
            "",
        ] {
            assert_eq!(read(other, keys), Err(Kind::WrongIssuer), "{other}");
        }
        for url in [
            "http://a.test/",
            "http://127.0.0.1/",
            "file:///etc/passwd",
            "/jwks",
            "",
        ] {
            let refused = Err(Kind::UnsafeUrl);
            assert_eq!(read("https://a.test/x", url), refused, "{url}");
        }
    }

    #[test]
    fn an_issuer_on_this_machine_may_have_its_keys_there() {
        let issuer = Issuer::new("http://127.0.0.1:1").unwrap();
        let read = |url: &str| {
            let json = serde_json::json!({ "issuer": "http://127.0.0.1:1", "jwks_uri": url });
            issuer.read(json.to_string().as_bytes()).is_ok()
        };
        assert!(read("http://localhost:2/keys") && read("https://a.test/keys"));
        assert!(!read("http://a.test/keys"));
    }

    #[test]
    fn what_is_no_description_is_called_what_it_is() {
        let issuer = Issuer::new("https://a.test").unwrap();
        let said = |json: &str| issuer.read(json.as_bytes()).unwrap_err();
        assert!(said("\n<!doctype html>").to_string().contains("HTML"));
        for wrong in ["", "[]", "{}", r#"{"issuer":1,"jwks_uri":""}"#] {
            assert_eq!(said(wrong).kind, Kind::Malformed, "{wrong}");
        }
        let long = format!(r#"{{"issuer":"{}\n","jwks_uri":""}}"#, "x".repeat(10_000));
        let said = said(&long).to_string();
        assert!(said.len() < 400 && !said.contains('\n'), "{said}");
    }
}
