//! The two forms of a request's target: origin form with `host` for HTTP/1.1, and for HTTP/2 a scheme and an authority
//! of its own (RFC 9113 section 8.3.1). Which is needed is known only once there is a connection.

use bytes::Bytes;
use http::{
    HeaderValue, Request, Uri, Version, header,
    uri::{Authority, Scheme},
};

/// Gives the request the form that HTTP/1.1 sends. It comes in that form unless an HTTP/2 connection was tried first.
pub fn for_http1<B>(request: &mut Request<B>) {
    *request.version_mut() = Version::HTTP_11;
    let Some(authority) = request.uri().authority().cloned() else {
        return;
    };
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        request.headers_mut().insert(header::HOST, host);
    }
    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = target.map(Uri::from).unwrap_or_default();
}

/// Gives the request the form that HTTP/2 sends.
pub fn for_http2<B>(request: &mut Request<B>, secure: bool) {
    *request.version_mut() = Version::HTTP_2;
    if request.uri().authority().is_some() {
        return;
    }
    let host = request.headers_mut().remove(header::HOST);
    let authority = host.and_then(|host| {
        Authority::from_maybe_shared(Bytes::copy_from_slice(host.as_bytes())).ok()
    });
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    // Without an authority (HTTP/1.0) the target stays as it is.
    if authority.is_some() {
        parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = authority;
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mut request = Request::get("/a?b")
            .header("host", "api.test:1")
            .body(())
            .unwrap();
        for_http2(&mut request, true);
        assert_eq!(request.uri(), "https://api.test:1/a?b");
        assert!(request.headers().is_empty());
        for_http2(&mut request, true);
        for_http1(&mut request);
        assert_eq!(request.uri(), "/a?b");
        assert_eq!(request.headers()["host"], "api.test:1");
    }
}
