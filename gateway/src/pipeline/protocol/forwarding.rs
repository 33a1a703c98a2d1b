//! What upstreams are told about the client, and who is believed about it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::{HeaderMap, HeaderName, HeaderValue, Version, header, request};
use ipnet::IpNet;

use super::{
    super::{context::Facts, identity::Certificate},
    scan::Scan,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids are replaced.
const ID_LENGTH: usize = 128;

/// `forwarding` of `witgate.yaml`, in the forms that requests need.
#[derive(Clone, Debug)]
pub struct Forwarding {
    trusted: Arc<[IpNet]>,
    forwarded: bool,
    /// For requests that came over HTTP/1.1 and HTTP/2.
    via: Option<[HeaderValue; 2]>,
}

impl Forwarding {
    /// `via` must be a token (RFC 9110 section 5.6.2).
    pub fn new(trusted: &Arc<[IpNet]>, forwarded: bool, via: &str) -> Self {
        let value = |version: &str| HeaderValue::from_str(&format!("{version} {via}")).ok();
        let via = value("1.1").zip(value("2")).map(<[_; 2]>::from);
        Self {
            trusted: Arc::clone(trusted),
            forwarded,
            via,
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted
            .iter()
            .any(|network| network.contains(&address))
    }
}

/// Who is at the other end of a connection, in the forms that requests need.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    pub secure: bool,
    /// What it has proved to be, where the listener asks for that.
    pub certificate: Option<Arc<Certificate>>,
    shown: HeaderValue,
}

impl Peer {
    pub fn new(address: SocketAddr, secure: bool) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let shown = HeaderValue::from_str(&address.ip().to_string());
        // An address is made of visible ASCII.
        let shown = shown.unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Self {
            address,
            secure,
            certificate: None,
            shown,
        }
    }

    /// What the client has proved to be.
    pub fn name(&self) -> Option<&str> {
        let certificate = self.certificate.as_ref()?;
        let id = certificate.spiffe_id.as_ref();
        Some(id.unwrap_or(&certificate.subject))
    }

    fn scheme(&self) -> HeaderValue {
        HeaderValue::from_static(if self.secure { "https" } else { "http" })
    }
}

/// Makes the facts of an exchange and leaves in the head what the upstream is to know of the client. `scan` is of
/// its headers.
pub fn apply(
    head: &mut request::Parts,
    scan: &Scan,
    peer: &Peer,
    forwarding: &Forwarding,
    fresh_id: impl FnOnce() -> HeaderValue,
) -> Facts {
    let trusted = !forwarding.trusted.is_empty() && forwarding.trusts(peer.address.ip());
    let headers = &mut head.headers;
    let (client, known) = if trusted {
        let known = headers.get(&X_REQUEST_ID).filter(|id| is_id(id)).cloned();
        (client(headers, peer, forwarding), known)
    } else {
        if scan.claims {
            forget(headers);
        }
        (peer.address, None)
    };
    let id = known.unwrap_or_else(|| {
        let id = fresh_id();
        headers.insert(X_REQUEST_ID, id.clone());
        id
    });
    if forwarding.forwarded {
        let node = forwarded(headers, peer);
        append(headers, header::FORWARDED, node);
    }
    append(headers, X_FORWARDED_FOR, Some(peer.shown.clone()));
    let host = headers.get(header::HOST).cloned();
    if trusted {
        let proto = headers.entry(X_FORWARDED_PROTO);
        proto.or_insert_with(|| peer.scheme());
        if let Some(host) = host {
            headers.entry(X_FORWARDED_HOST).or_insert(host);
        }
    } else {
        headers.insert(X_FORWARDED_PROTO, peer.scheme());
        if let Some(host) = host {
            headers.insert(X_FORWARDED_HOST, host);
        }
    }
    let via = forwarding.via.as_ref();
    let via = via.map(|via| via[usize::from(head.version == Version::HTTP_2)].clone());
    append(headers, header::VIA, via);
    Facts {
        id,
        client,
        secure: peer.secure,
        grpc: scan.grpc,
        certificate: peer.certificate.clone(),
    }
}

/// Removes what a client that is not trusted says about itself, under the names that upstreams may take for
/// the same: many map `-` and `_` to one.
fn forget(headers: &mut HeaderMap) {
    let forged: Vec<_> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str().replace('_', "-");
            name.starts_with("x-forwarded") || name == "forwarded"
        })
        .cloned()
        .collect();
    for name in forged {
        headers.remove(name);
    }
}

/// The last address in `x-forwarded-for` that no trusted proxy has.
fn client(headers: &HeaderMap, peer: &Peer, forwarding: &Forwarding) -> SocketAddr {
    let mut client = peer.address;
    let values: Vec<_> = headers.get_all(&X_FORWARDED_FOR).iter().collect();
    let hops = values
        .iter()
        .rev()
        .flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    for hop in hops {
        let Some(address) = address(hop.trim()) else {
            break;
        };
        client = address;
        if !forwarding.trusts(address.ip()) {
            break;
        }
    }
    client
}

fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .map(|ip: IpAddr| SocketAddr::new(ip.to_canonical(), 0))
        .ok()
        .or_else(|| text.parse().ok())
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    let Some(value) = value else { return };
    match headers.entry(name) {
        header::Entry::Vacant(entry) => {
            entry.insert(value);
        }
        header::Entry::Occupied(mut entry) => {
            // One line: many upstreams read only the first.
            let mut joined = Vec::new();
            for before in entry.iter() {
                joined.extend_from_slice(before.as_bytes());
                joined.extend_from_slice(b", ");
            }
            joined.extend_from_slice(value.as_bytes());
            if let Ok(joined) = HeaderValue::from_bytes(&joined) {
                entry.insert(joined);
            }
        }
    }
}

/// RFC 7239 section 4.
fn forwarded(headers: &HeaderMap, peer: &Peer) -> Option<HeaderValue> {
    let node = match peer.address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("\"[{ip}]\""),
    };
    let mut text = format!(
        "for={node};proto={}",
        if peer.secure { "https" } else { "http" }
    );
    if let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    {
        text.push_str(&format!(";host=\"{host}\""));
    }
    HeaderValue::from_str(&text).ok()
}

fn is_id(id: &HeaderValue) -> bool {
    (1..=ID_LENGTH).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn applied(trusted: &str, peer: &str, fields: &[(&str, &str)]) -> (request::Parts, Facts) {
        let trusted: Arc<[_]> = trusted.parse().into_iter().collect();
        let forwarding = Forwarding::new(&trusted, true, "witgate");
        let request = Request::get("/").header("host", "api.test");
        let request = fields.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let mut head = request.body(()).unwrap().into_parts().0;
        let peer = Peer::new(SocketAddr::new(peer.parse().unwrap(), 9), false);
        let scan = Scan::of(&head.headers);
        let facts = apply(&mut head, &scan, &peer, &forwarding, || {
            HeaderValue::from_static("fresh")
        });
        (head, facts)
    }

    #[test]
    fn a_strangers_word_about_itself_is_replaced() {
        let (head, facts) = applied(
            "",
            "192.0.2.1",
            &[
                ("x-forwarded-for", "127.0.0.1"),
                ("x_forwarded_proto", "https"),
                ("x-forwarded-host", "evil"),
                ("forwarded", "for=1"),
                ("x-request-id", "mine"),
                ("x_other", "kept"),
            ],
        );
        assert_eq!(facts.client.ip().to_string(), "192.0.2.1");
        assert_eq!(head.headers["x-forwarded-for"], "192.0.2.1");
        assert_eq!(head.headers["x-forwarded-proto"], "http");
        assert_eq!(head.headers["x-forwarded-host"], "api.test");
        assert_eq!(
            head.headers["forwarded"],
            "for=192.0.2.1;proto=http;host=\"api.test\""
        );
        assert_eq!(head.headers["x-request-id"], "fresh");
        assert_eq!(head.headers["via"], "1.1 witgate");
        assert!(
            head.headers.contains_key("x_other") && !head.headers.contains_key("x_forwarded_proto")
        );
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        let (head, facts) = applied(
            "10.0.0.0/8",
            "10.0.0.2",
            &[
                ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
                ("x-forwarded-for", "10.0.0.3"),
                ("x-forwarded-proto", "https"),
                ("x-request-id", "kept"),
                ("via", "1.1 edge"),
            ],
        );
        assert_eq!(facts.client.ip().to_string(), "198.51.100.7");
        assert_eq!(
            head.headers["x-forwarded-for"],
            "203.0.113.9, 198.51.100.7, 10.0.0.3, 10.0.0.2"
        );
        assert_eq!(head.headers["x-forwarded-proto"], "https");
        assert_eq!(head.headers["x-request-id"], "kept");
        assert_eq!(head.headers["via"], "1.1 edge, 1.1 witgate");
    }

    #[test]
    fn an_id_that_is_none_is_replaced() {
        let long = "x".repeat(129);
        for id in ["", "a b", &long] {
            let (head, _) = applied("10.0.0.0/8", "10.0.0.2", &[("x-request-id", id)]);
            assert_eq!(head.headers["x-request-id"], "fresh", "{id:?}");
        }
    }
}
