//! A request that is asked about rather than served: in files' tests and in `explain`.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::pipeline::{
    protocol::{Refusal, normalise},
    route::{Invalid, RequestView},
    sandbox,
};

/// A request that is asked about rather than served.
#[derive(Clone, Debug)]
pub struct Probe {
    pub method: Method,
    /// Over TLS.
    pub secure: bool,
    /// With its port if it has one; empty if none was written.
    pub authority: String,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    /// None if nothing is said about it.
    pub body: Option<Vec<u8>>,
    host: String,
}

impl Probe {
    /// `url` is absolute, or begins with its path; it is brought into the form that a request's target has.
    pub fn parse<'h>(
        method: &str,
        url: &str,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Result<Self, Invalid> {
        let method = Method::try_from(method).map_err(|_| {
            Invalid::new(
                format!("`{method}` is not a method"),
                "write it as `GET http://api.example.com/orders/7`",
            )
        })?;
        normalise::method(&method).map_err(|refusal| refused(refusal, method.as_str()))?;
        let uri: Uri = url.parse().map_err(|_| not_a_url(url))?;
        let path = normalise::path(uri.path()).map_err(|refusal| refused(refusal, uri.path()))?;
        // As a request's host is normalised: without the dot of the DNS root.
        let host = uri.host().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host);
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') || (uri.scheme().is_none() && !url.starts_with('/')) {
            return Err(not_a_url(url));
        }
        Ok(Self {
            method,
            secure: uri.scheme_str() == Some("https"),
            authority: authority.to_ascii_lowercase(),
            path: path.into_owned(),
            query: uri.query().map(String::from),
            headers: headers.into_iter().map(field).collect::<Result<_, _>>()?,
            body: None,
            host: host.to_ascii_lowercase(),
        })
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(self, body: Option<Vec<u8>>) -> Self {
        Self { body, ..self }
    }

    /// As plugins are asked about it.
    pub(super) fn asked(&self) -> sandbox::Asked {
        let query = self.query.as_ref().map(|query| format!("?{query}"));
        let fields = self.headers.iter();
        sandbox::Asked {
            method: self.method.to_string(),
            path_and_query: format!("{}{}", self.path, query.unwrap_or_default()),
            headers: fields
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect(),
            body: self.body.clone(),
        }
    }

    pub fn view(&self) -> RequestView<'_> {
        RequestView {
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
        }
    }
}

fn refused(refusal: Refusal, what: &str) -> Invalid {
    Invalid::new(
        format!("`{what}` never comes to a route: {refusal}"),
        "such a request is refused before routing (docs/errors.md)",
    )
}

fn not_a_url(url: &str) -> Invalid {
    Invalid::new(
        format!("`{url}` is not a URL"),
        "write it with its scheme, `http://api.example.com/orders/7`, or as a path alone",
    )
}

fn field((name, value): (&str, &str)) -> Result<(HeaderName, HeaderValue), Invalid> {
    let name = HeaderName::try_from(name.trim());
    let value = HeaderValue::try_from(value.trim());
    name.ok().zip(value.ok()).ok_or_else(|| {
        Invalid::new(
            "a header field of the request has a name or a value that is none",
            "write `x-tenant: acme`",
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::route::canonical;

    proptest! {
        /// Else a route could be written that no request finds, or a request could slip past a route.
        #[test]
        fn requests_are_spelled_as_routes_are(path in "/[ -~\u{e9}]{0,24}") {
            prop_assume!(!path.contains(['?', '#', '\\']));
            if let (Ok(written), Ok(asked)) = (canonical(&path), normalise::path(&path)) {
                prop_assert_eq!(written, asked);
            }
        }
    }

    #[test]
    fn urls_and_paths_are_read() {
        let probe = Probe::parse(
            "GET",
            "https://API.Example.com:8443/a%7e?x=1",
            [("X-A", "b")],
        );
        let probe = probe.unwrap();
        let view = probe.view();
        assert_eq!((view.host, view.path), ("api.example.com", "/a~"));
        assert_eq!((view.query, probe.secure), (Some("x=1"), true));
        assert_eq!(probe.authority, "api.example.com:8443");
        assert_eq!(probe.headers["x-a"], "b");
        let bare = Probe::parse("PURGE", "/a", []).unwrap();
        assert_eq!((bare.view().host, bare.view().path), ("", "/a"));
        assert_eq!(Probe::parse("GET", "http://a.b", []).unwrap().path, "/");
        let up = Probe::parse("GET", "http://a/b/../c", []).unwrap();
        assert_eq!(up.path, "/c");
    }

    #[test]
    fn others_are_refused() {
        for (method, url) in [
            ("G T", "/"),
            ("GET", "a b"),
            ("GET", "a.com"),
            ("GET", "http://u@a/"),
        ] {
            assert!(Probe::parse(method, url, []).is_err(), "{method} {url}");
        }
        assert!(Probe::parse("GET", "/", [("a b", "c")]).is_err());
        for (method, url) in [
            ("GET", "http://a/../b"),
            ("GET", "/a\\b"),
            ("TRACE", "/"),
            ("CONNECT", "/"),
        ] {
            let invalid = Probe::parse(method, url, []).unwrap_err();
            assert!(invalid.message.contains("never comes"), "{invalid}");
        }
    }
}
