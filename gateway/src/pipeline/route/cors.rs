//! What pages of other origins may do (<https://fetch.spec.whatwg.org/#http-cors-protocol>), with the vocabulary of
//! the Kubernetes Gateway API's `HTTPCORSFilter`.

mod compile;
mod origin;
mod preflight;

use http::{HeaderMap, HeaderName, HeaderValue, header};

pub use preflight::find;

use origin::Origin;

/// `cors` of one route.
#[derive(Debug)]
pub struct Cors {
    origins: Origins,
    methods: Listed,
    headers: Listed,
    exposed: Option<HeaderValue>,
    /// The same, and what tells the status of a gRPC call.
    exposed_of_calls: HeaderValue,
    credentials: bool,
    max_age: Option<HeaderValue>,
}

#[derive(Debug)]
enum Origins {
    /// Every page there is.
    Any,
    These(Box<[Origin]>),
}

#[derive(Debug)]
enum Listed {
    /// Whatever the page asks for.
    Any,
    These(HeaderValue),
}

/// What one request's page may see of the response.
#[derive(Debug)]
pub struct Share {
    /// The value of `access-control-allow-origin`; none: nothing.
    origin: Option<HeaderValue>,
}

/// What an upstream may say about CORS.
const FIELDS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

const VARY_PREFLIGHT: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);

impl Cors {
    /// Judges the page that a request comes from. The request goes on in any case: CORS guards responses.
    pub fn share(&self, request: &HeaderMap) -> Share {
        Share {
            origin: self.allowed(request.get(header::ORIGIN)),
        }
    }

    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        match &self.origins {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::These(origins) => {
                let origin = origin?;
                let known = origins.iter().any(|it| it.matches(origin.as_bytes()));
                known.then(|| origin.clone())
            }
        }
    }

    /// Puts the judgement in the place of what the upstream says.
    pub fn apply(&self, share: &Share, call: bool, response: &mut HeaderMap) {
        for name in &FIELDS {
            response.remove(name);
        }
        if let Origins::These(_) = self.origins {
            response.append(header::VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = &share.origin else {
            return;
        };
        self.admit(origin.clone(), response);
        let exposed = if call {
            Some(&self.exposed_of_calls)
        } else {
            self.exposed.as_ref()
        };
        if let Some(exposed) = exposed {
            response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }

    fn admit(&self, origin: HeaderValue, response: &mut HeaderMap) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
    }

    /// The fields that answer a preflight request; none when its page may not use the route.
    pub fn preflight(&self, request: &HeaderMap) -> Option<HeaderMap> {
        let origin = self.allowed(request.get(header::ORIGIN))?;
        let mut response = HeaderMap::with_capacity(6);
        self.admit(origin, &mut response);
        let asked = |name| request.get(name).cloned();
        // What is asked for is repeated where anything goes: with credentials `*` would mean itself, and without
        // them it would leave out `authorization`.
        let methods = match &self.methods {
            Listed::These(methods) => Some(methods.clone()),
            Listed::Any => asked(header::ACCESS_CONTROL_REQUEST_METHOD),
        };
        let headers = match &self.headers {
            Listed::These(headers) => Some(headers.clone()).filter(|it| !it.is_empty()),
            Listed::Any => asked(header::ACCESS_CONTROL_REQUEST_HEADERS),
        };
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
            (header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone()),
            (header::VARY, Some(VARY_PREFLIGHT)),
        ] {
            if let Some(value) = value {
                response.insert(name, value);
            }
        }
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use super::*;
    use crate::{
        config::{Source, raw::RouteFile},
        pipeline::route::Report,
    };

    fn compiled(cors: &str) -> Result<Cors, Vec<String>> {
        let text = format!("routes: [{{ name: a, respond: {{}}, cors: {cors} }}]");
        let source = Source::<RouteFile>::new(PathBuf::from("a.yaml"), &text);
        let raw = source
            .raw
            .unwrap_or_else(|| panic!("{:?}", source.problems));
        let file = Arc::new(PathBuf::from("a.yaml"));
        let mut report = Report::new(&file);
        let cors = Cors::compile(raw.routes[0].cors.as_ref().unwrap(), &mut report);
        let problems = report.into_problems();
        cors.filter(|_| problems.is_empty()).ok_or_else(|| {
            let text = |it: &crate::config::problem::Problem| {
                format!("{} | {}", it.message, it.hint.as_deref().unwrap_or("-"))
            };
            problems.iter().map(text).collect()
        })
    }

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn a_known_page_may_read_and_a_strange_one_may_not() {
        let cors = compiled("{ allow-origins: ['https://*.example.com'], allow-credentials: true, expose-headers: x-total }").unwrap();
        let applied = |origin: &'static str, call| {
            let mut response = headers(&[("access-control-allow-origin", "*"), ("vary", "accept")]);
            let share = cors.share(&headers(&[("origin", origin)]));
            cors.apply(&share, call, &mut response);
            response
        };
        let known = applied("https://app.example.com", false);
        assert_eq!(
            known,
            headers(&[
                ("access-control-allow-origin", "https://app.example.com"),
                ("access-control-allow-credentials", "true"),
                ("access-control-expose-headers", "x-total"),
                ("vary", "accept"),
                ("vary", "origin"),
            ])
        );
        let call = applied("https://app.example.com", true);
        assert_eq!(
            call["access-control-expose-headers"],
            "x-total, grpc-status, grpc-message, grpc-status-details-bin"
        );
        let strange = applied("https://example.org", false);
        assert!(!strange.contains_key("access-control-allow-origin"));
    }

    #[test]
    fn a_preflight_is_told_what_is_listed() {
        let asked = headers(&[
            ("origin", "https://a.test"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization,x-a"),
        ]);
        let cors = compiled("{ allow-origins: https://a.test, max-age: 10m }").unwrap();
        let answer = cors.preflight(&asked).unwrap();
        assert_eq!(answer["access-control-allow-methods"], "GET, HEAD, POST");
        assert_eq!(
            answer["access-control-allow-headers"],
            "content-type, grpc-timeout, x-grpc-web, x-user-agent"
        );
        assert_eq!(answer["access-control-max-age"], "600");
        let any =
            compiled("{ allow-origins: '*', allow-methods: '*', allow-headers: '*' }").unwrap();
        let answer = any.preflight(&asked).unwrap();
        assert_eq!(answer["access-control-allow-origin"], "*");
        assert_eq!(answer["access-control-allow-methods"], "PUT");
        assert_eq!(answer["access-control-allow-headers"], "authorization,x-a");
        let strange = headers(&[("origin", "https://b.test")]);
        assert!(cors.preflight(&strange).is_none());
    }

    #[test]
    fn what_browsers_would_not_accept_is_refused() {
        for (cors, message) in [
            ("{ allow-origins: [] }", "allows no origin"),
            (
                "{ allow-origins: '*', allow-credentials: true }",
                "credentials",
            ),
            (
                "{ allow-origins: ['*', 'https://a.test'] }",
                "stands beside",
            ),
            ("{ allow-origins: a.test }", "not an origin"),
            ("{ allow-origins: 'https://a.test/' }", "not an origin"),
            ("{ allow-origins: 'https://a.test:443' }", "default port"),
            ("{ allow-origins: 'https://a.*.test' }", "not an origin"),
            ("{ allow-origins: 'null' }", "`null`"),
            (
                "{ allow-origins: ['https://a.test', 'https://A.test'] }",
                "stands twice",
            ),
            (
                "{ allow-origins: 'https://a.test', allow-methods: get }",
                "upper case",
            ),
            (
                "{ allow-origins: 'https://a.test', allow-headers: 'x y' }",
                "not the name",
            ),
            (
                "{ allow-origins: 'https://a.test', allow-credentials: true, expose-headers: '*' }",
                "`*`",
            ),
            (
                "{ allow-origins: 'https://a.test', max-age: 10ms }",
                "whole seconds",
            ),
        ] {
            let problems = compiled(cors).expect_err(cors);
            assert!(problems[0].contains(message), "{cors}: {problems:?}");
        }
    }
}
