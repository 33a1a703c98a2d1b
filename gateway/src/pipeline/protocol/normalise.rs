//! What a request must be before anything judges it, and the one form of its path that everything judges.
//!
//! Routing, plugins and the upstream see the same bytes: escapes of unreserved characters are decoded, other escapes
//! are in upper case, what needs an escape has one, dot segments are resolved ([`spelling`]); a host has no dot at its
//! end. What could be read in two ways is refused.

mod spelling;

use std::borrow::Cow;

use http::{HeaderValue, Method, Uri, Version, header, request, uri::PathAndQuery};

use super::scan::Scan;
pub use spelling::path;

/// How much of a head is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of names and values together.
    pub header_bytes: usize,
    pub header_count: usize,
    /// Bytes of the request target.
    pub uri_length: usize,
}

/// A request that goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("CONNECT is not served here")]
    Connect,
    #[error("TRACE is not served here")]
    Trace,
    #[error("the request target is too long")]
    UriTooLong,
    #[error("the request's head is too large")]
    HeadTooLarge,
    #[error("the request has no host")]
    NoHost,
    #[error("the request has more than one host")]
    ManyHosts,
    #[error("the host is malformed")]
    BadHost,
    #[error("the path has a malformed percent-escape")]
    BadEscape,
    #[error("the path has a control character")]
    ControlCharacter,
    #[error("the path has a backslash")]
    Backslash,
    #[error("the path leads above its root")]
    AboveRoot,
    #[error("the request has both content-length and transfer-encoding")]
    AmbiguousFraming,
}

/// Checks a request's head, whose fields are those of `scan`, and brings its target into origin form, with the authority in `host`.
///
/// # Errors
/// Why the request is refused.
pub fn admit(head: &mut request::Parts, scan: &Scan, limits: Limits) -> Result<(), Refusal> {
    method(&head.method)?;
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > limits.uri_length {
        return Err(Refusal::UriTooLong);
    }
    if head.headers.len() > limits.header_count || scan.bytes > limits.header_bytes {
        return Err(Refusal::HeadTooLarge);
    }
    authority(head)?;
    origin_form(head)
}

/// Refuses what a reverse proxy has no use for: tunnels (RFC 9110 section 9.3.6), and echoes of requests, which may
/// show a client the fields that proxies add (section 9.3.8).
///
/// # Errors
/// For `CONNECT` and `TRACE`.
pub fn method(method: &Method) -> Result<(), Refusal> {
    match *method {
        Method::CONNECT => Err(Refusal::Connect),
        Method::TRACE => Err(Refusal::Trace),
        _ => Ok(()),
    }
}

/// Leaves exactly one `host`, in its one form.
fn authority(head: &mut request::Parts) -> Result<(), Refusal> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Refusal::ManyHosts);
    }
    let form = match (head.uri.authority(), first) {
        (None, None) if head.version == Version::HTTP_10 => return Ok(()),
        (None, None) => return Err(Refusal::NoHost),
        (None, Some(given)) => match host(given.as_bytes())? {
            Cow::Borrowed(_) => return Ok(()),
            Cow::Owned(form) => HeaderValue::from_bytes(&form),
        },
        (Some(authority), given) => {
            let authority = authority.as_str().as_bytes();
            let form = host(authority)?;
            // RFC 9113 section 8.3.1; over HTTP/1.1 an absolute target overrules `host` (RFC 9112 section 3.2.2).
            let differs =
                given.is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(authority));
            if differs && head.version == Version::HTTP_2 {
                return Err(Refusal::ManyHosts);
            }
            HeaderValue::from_bytes(&form)
        }
    };
    let form = form.map_err(|_| Refusal::BadHost)?;
    head.headers.insert(header::HOST, form);
    Ok(())
}

/// The bytes that a host and its port are made of.
const IN_HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        let fine = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'~');
        table[byte] = fine;
        byte += 1;
    }
    table
};

/// `uri-host [":" port]` without user information (RFC 9110 section 7.2), and without the dot of the DNS root:
/// with it the same host would have a second spelling, which its routes do not know.
fn host(given: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    if !given.iter().all(|byte| IN_HOST[usize::from(*byte)]) {
        return Err(Refusal::BadHost);
    }
    let colon = given.iter().rposition(|byte| *byte == b':');
    let colon = colon.filter(|_| !given.ends_with(b"]"));
    let (name, port) = given.split_at(colon.unwrap_or(given.len()));
    match name.strip_suffix(b".") {
        None if name.is_empty() => Err(Refusal::BadHost),
        None => Ok(Cow::Borrowed(given)),
        Some(rest) if rest.is_empty() || rest.ends_with(b".") => Err(Refusal::BadHost),
        Some(rest) => Ok(Cow::Owned([rest, port].concat())),
    }
}

fn origin_form(head: &mut request::Parts) -> Result<(), Refusal> {
    let asterisk = head.uri.path() == "*";
    let normal = if asterisk {
        Cow::Borrowed("/")
    } else {
        path(head.uri.path())?
    };
    let changed = matches!(normal, Cow::Owned(_)) || asterisk;
    if !changed && head.uri.authority().is_none() {
        return Ok(());
    }
    let target: PathAndQuery = match (changed, head.uri.path_and_query()) {
        (false, Some(target)) => target.clone(),
        (_, target) => {
            let mut text = normal.into_owned();
            if let Some(query) = target.and_then(PathAndQuery::query) {
                text.push('?');
                text.push_str(query);
            }
            text.parse().map_err(|_| Refusal::BadEscape)?
        }
    };
    head.uri = Uri::from(target);
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const LIMITS: Limits = Limits {
        header_bytes: 1000,
        header_count: 10,
        uri_length: 100,
    };

    fn admitted(request: request::Builder) -> Result<request::Parts, Refusal> {
        let mut head = request.body(()).unwrap().into_parts().0;
        let scan = Scan::of(&head.headers);
        admit(&mut head, &scan, LIMITS).map(|()| head)
    }

    #[test]
    fn there_is_exactly_one_host() {
        let get = || Request::get("/");
        assert_eq!(admitted(get()).unwrap_err(), Refusal::NoHost);
        assert_eq!(
            admitted(get().header("host", "a").header("host", "a")).unwrap_err(),
            Refusal::ManyHosts
        );
        assert_eq!(
            admitted(get().header("host", "a b")).unwrap_err(),
            Refusal::BadHost
        );
        assert_eq!(
            admitted(get().header("host", "u@a")).unwrap_err(),
            Refusal::BadHost
        );
        assert!(admitted(get().version(Version::HTTP_10)).is_ok());
        let head = admitted(Request::get("http://b:80/x?q").header("host", "a")).unwrap();
        assert_eq!(head.headers[header::HOST], "b:80");
        assert_eq!(head.uri, "/x?q");
        let two = Request::get("http://b/")
            .header("host", "a")
            .version(Version::HTTP_2);
        assert_eq!(admitted(two).unwrap_err(), Refusal::ManyHosts);
    }

    #[test]
    fn a_host_has_one_form() {
        for (given, wanted) in [
            ("a.example", Ok("a.example")),
            ("a.example:80", Ok("a.example:80")),
            ("a.example.", Ok("a.example")),
            ("a.example.:80", Ok("a.example:80")),
            ("[2001:db8::1]", Ok("[2001:db8::1]")),
            ("[2001:db8::1]:80", Ok("[2001:db8::1]:80")),
            ("a.example..", Err(Refusal::BadHost)),
            (".", Err(Refusal::BadHost)),
            (":80", Err(Refusal::BadHost)),
            ("", Err(Refusal::BadHost)),
        ] {
            let form = admitted(Request::get("/").header("host", given));
            let form = form.map(|head| head.headers[header::HOST].clone());
            assert_eq!(form, wanted.map(HeaderValue::from_static), "{given}");
        }
        let head = admitted(Request::get("http://b.example.:80/")).unwrap();
        assert_eq!(head.headers[header::HOST], "b.example:80");
    }

    #[test]
    fn limits_hold() {
        let long = format!("/{}", "x".repeat(100));
        assert_eq!(
            admitted(Request::get(long)).unwrap_err(),
            Refusal::UriTooLong
        );
        let many = (0..11).fold(Request::get("/"), |request, _| request.header("x", "y"));
        assert_eq!(admitted(many).unwrap_err(), Refusal::HeadTooLarge);
        let large = Request::get("/")
            .header("host", "a")
            .header("x", "y".repeat(1000));
        assert_eq!(admitted(large).unwrap_err(), Refusal::HeadTooLarge);
    }

    #[test]
    fn some_methods_are_for_nobody() {
        let connect = admitted(Request::connect("a:443"));
        assert_eq!(connect.unwrap_err(), Refusal::Connect);
        let trace = admitted(Request::trace("/").header("host", "a"));
        assert_eq!(trace.unwrap_err(), Refusal::Trace);
        assert!(admitted(Request::options("*").header("host", "a")).is_ok());
    }
}
