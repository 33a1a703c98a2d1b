//! Header fields that belong to one hop (RFC 9110 section 7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;

use super::scan::Scan;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What the fields of this hop said.
#[derive(Debug, Default)]
pub struct Hop {
    /// `upgrade`, when `connection` names it.
    pub upgrade: Option<HeaderValue>,
    /// The sender takes trailers (`te: trailers`).
    pub trailers: bool,
    /// `transfer-encoding` was there.
    pub chunked: bool,
}

/// Removes the fields of this hop, and those that `connection` names. `scan` is of these headers.
pub fn take_hop(headers: &mut HeaderMap, scan: &Scan) -> Hop {
    let mut hop = Hop::default();
    if scan.te {
        let te = headers.get_all(header::TE);
        hop.trailers = te.iter().any(|value| has_token(value, "trailers"));
        headers.remove(header::TE);
    }
    let upgrade = if scan.upgrade {
        headers.remove(header::UPGRADE)
    } else {
        None
    };
    if scan.connection {
        for value in take_all(&header::CONNECTION, headers) {
            for token in tokens(&value) {
                if token.eq_ignore_ascii_case("upgrade") {
                    hop.upgrade.clone_from(&upgrade);
                } else {
                    forget(token, headers);
                }
            }
        }
    }
    if scan.transfer_encoding {
        hop.chunked = headers.remove(header::TRANSFER_ENCODING).is_some();
    }
    if scan.other_hop {
        headers.remove(KEEP_ALIVE);
        headers.remove(PROXY_CONNECTION);
    }
    hop
}

/// Removes a field; its values.
fn take_all(name: &HeaderName, headers: &mut HeaderMap) -> SmallVec<[HeaderValue; 1]> {
    // No field has more than one: that one is all.
    if headers.len() == headers.keys_len() {
        return headers.remove(name).into_iter().collect();
    }
    let values = headers.get_all(name).iter().cloned().collect();
    headers.remove(name);
    values
}

/// Removes a field that `connection` names, unless it is one that no sender may take from the message.
fn forget(token: &str, headers: &mut HeaderMap) {
    let is = |name: &str| token.eq_ignore_ascii_case(name);
    if is("keep-alive") || is("close") || is("host") || is("content-length") {
        return;
    }
    if let Ok(name) = HeaderName::from_bytes(token.as_bytes()) {
        headers.remove(name);
    }
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value
        .to_str()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// Whether a comma-separated field has a member, parameters (`;q=0.5`) aside.
fn has_token(value: &HeaderValue, wanted: &str) -> bool {
    tokens(value).any(|token| {
        let token = token.split(';').next().unwrap_or(token).trim();
        token.eq_ignore_ascii_case(wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect()
    }

    fn taken(headers: &mut HeaderMap) -> Hop {
        let scan = Scan::of(headers);
        take_hop(headers, &scan)
    }

    #[test]
    fn what_connection_names_goes() {
        let mut headers = map(&[
            ("connection", "close, x-secret, host, content-length"),
            ("x-secret", "1"),
            ("host", "a"),
            ("content-length", "3"),
            ("keep-alive", "5"),
            ("te", "trailers;q=1, gzip"),
            ("upgrade", "h2c"),
            ("x-kept", "1"),
        ]);
        let hop = taken(&mut headers);
        assert!(hop.trailers && hop.upgrade.is_none());
        assert_eq!(
            headers,
            map(&[("host", "a"), ("content-length", "3"), ("x-kept", "1")])
        );
    }

    #[test]
    fn an_upgrade_counts_only_when_connection_names_it() {
        let mut headers = map(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
        ]);
        assert_eq!(taken(&mut headers).upgrade.unwrap(), "websocket");
        assert!(headers.is_empty());
    }
}
