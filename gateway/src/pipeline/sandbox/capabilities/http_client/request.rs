//! What a plugin wants to send, judged, and made what goes out.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use percent_encoding::percent_decode_str;

use super::{
    authorization,
    definition::{Definition, Url},
    error::Error,
};
use crate::pipeline::sandbox::bindings::http_client as wit;

pub(super) type Outgoing = Request<Full<Bytes>>;

const MOST_FIELDS: usize = 64;
const LONGEST_TARGET: usize = 8 * 1024;

/// The fields that are between the gateway and the server.
const OF_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Whether a field says something about the connection and nothing about the message (RFC 9110 section 7.6.1).
pub(super) fn is_of_connection(name: &HeaderName, headers: &HeaderMap) -> bool {
    OF_CONNECTION.contains(name)
        || headers.get_all(header::CONNECTION).iter().any(|value| {
            let mut named = value.as_bytes().split(|byte| *byte == b',');
            named.any(|it| {
                it.trim_ascii()
                    .eq_ignore_ascii_case(name.as_str().as_bytes())
            })
        })
}

/// The request as it goes out.
pub(super) fn prepare(definition: &Definition, request: wit::Request) -> Result<Outgoing, Error> {
    let method = Method::from_bytes(request.method.as_bytes())
        .ok()
        .filter(|method| *method != Method::CONNECT)
        .ok_or_else(|| invalid("its method is none"))?;
    let target = target(&definition.url, &request.target)?;
    let mut headers = fields(request.headers)?;
    let mut body = request.body;
    if let Some(authorization) = &definition.authorization {
        authorization::add(authorization, &mut headers, &mut body)?;
    }
    headers.insert(header::HOST, definition.url.authority.clone());
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!(
            "witgate/",
            env!("CARGO_PKG_VERSION")
        )));
    let mut outgoing = Request::new(Full::new(Bytes::from(body)));
    *outgoing.method_mut() = method;
    *outgoing.uri_mut() = target;
    *outgoing.headers_mut() = headers;
    Ok(outgoing)
}

fn invalid(what: impl Into<String>) -> Error {
    Error::Invalid(what.into())
}

/// Path and query, on the client's server and not above its path.
fn target(url: &Url, target: &str) -> Result<Uri, Error> {
    if target.len() > LONGEST_TARGET {
        return Err(invalid("its target is longer than 8 KiB"));
    }
    let target = target
        .parse::<Uri>()
        .map_err(|error| invalid(format!("its target is no URL: {error}")))?;
    let elsewhere = || invalid(format!("its target is not on {}", url.text));
    match (target.scheme_str(), target.authority()) {
        (None, None) if target.path().starts_with('/') => {}
        (Some(scheme), Some(_)) if url.is_of(scheme, &target) => {}
        _ => return Err(elsewhere()),
    }
    if !is_below(&url.path, target.path()) {
        return Err(elsewhere());
    }
    let path_and_query = target.path_and_query().map_or("/", |it| it.as_str());
    path_and_query
        .parse()
        .map_err(|error| invalid(format!("its target is no path: {error}")))
}

/// `base` has no slash at its end. A path that a server might read as another is not below anything.
fn is_below(base: &str, path: &str) -> bool {
    let rest = path.strip_prefix(base);
    let below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let decoded = percent_decode_str(path).collect::<Vec<_>>();
    let mut segments = decoded.split(|byte| matches!(byte, b'/' | b'\\'));
    below && segments.all(|segment| !matches!(segment, b"." | b".."))
}

fn fields(fields: Vec<(String, Vec<u8>)>) -> Result<HeaderMap, Error> {
    if fields.len() > MOST_FIELDS {
        return Err(invalid(format!("it has more than {MOST_FIELDS} fields")));
    }
    let mut headers = HeaderMap::with_capacity(fields.len() + 3);
    for (name, value) in fields {
        let name =
            HeaderName::try_from(name).map_err(|_| invalid("one of its fields has no name"))?;
        let value = HeaderValue::try_from(value)
            .map_err(|_| invalid(format!("the value of its field `{name}` is not valid")))?;
        headers.append(name, value);
    }
    let of_connection: Vec<_> = headers
        .keys()
        .filter(|name| is_of_connection(name, &headers))
        .cloned()
        .collect();
    for name in of_connection {
        headers.remove(name);
    }
    for name in [header::HOST, header::CONTENT_LENGTH, header::EXPECT] {
        headers.remove(name);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::sandbox::capabilities::http_client::definition;

    fn goes_to(url: &str, to: &str) -> Option<String> {
        let url = definition::url(url).unwrap();
        target(&url, to).ok().map(|uri| uri.to_string())
    }

    #[test]
    fn a_target_stays_on_the_server_and_below_the_path() {
        let base = "https://Login.example.com/realms/a/";
        for (to, path) in [
            ("/realms/a", "/realms/a"),
            ("/realms/a/token?x=%2e%2e&y", "/realms/a/token?x=%2e%2e&y"),
            (
                "https://login.example.com/realms/a/token",
                "/realms/a/token",
            ),
            ("https://LOGIN.example.com:443/realms/a/", "/realms/a/"),
        ] {
            assert_eq!(goes_to(base, to).as_deref(), Some(path), "{to}");
        }
        for to in [
            "",
            "*",
            "token",
            "/",
            "/realms/ab",
            "/realms/a/../b",
            "/realms/a/%2e%2E/b",
            "/realms/a/x%2f..%2f..%2fb",
            "/realms/a/..%5cb",
            "/realms/a/.",
            "http://login.example.com/realms/a",
            "https://login.example.com:8443/realms/a",
            "https://ada@login.example.com/realms/a",
            "https://evil.example/realms/a",
            "//evil.example/realms/a",
            "login.example.com:443",
        ] {
            assert_eq!(goes_to(base, to), None, "{to}");
        }
        assert_eq!(goes_to("http://a", "/").as_deref(), Some("/"));
        assert_eq!(goes_to("http://a", "http://a:80").as_deref(), Some("/"));
    }

    #[test]
    fn fields_of_the_connection_are_left_out() {
        let headers = fields(vec![
            ("Connection".into(), b"close, X-Hop".to_vec()),
            ("x-hop".into(), b"1".to_vec()),
            ("content-length".into(), b"7".to_vec()),
            ("accept".into(), b"a".to_vec()),
            ("accept".into(), b"b".to_vec()),
        ])
        .unwrap();
        assert_eq!(
            (headers.len(), headers.get_all("accept").iter().count()),
            (2, 2)
        );
        assert!(fields(vec![("a b".into(), Vec::new())]).is_err());
        assert!(fields(vec![("a".into(), b"x\r\ny: z".to_vec())]).is_err());
    }
}
