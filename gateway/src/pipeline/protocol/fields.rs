//! Header fields that belong to one hop (RFC 9110 section 7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};

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

fn belongs_to_hop(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::TE
        || *name == header::TRANSFER_ENCODING
        || *name == header::UPGRADE
        || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}

/// Removes the fields of this hop, and those that `connection` names.
pub fn take_hop(headers: &mut HeaderMap) -> Hop {
    let mut hop = Hop::default();
    // Most heads have none of them: one look over the names decides.
    if !headers.keys().any(belongs_to_hop) {
        return hop;
    }
    hop.trailers = headers
        .get_all(header::TE)
        .iter()
        .any(|value| has_token(value, "trailers"));
    let upgrade = headers.remove(header::UPGRADE);
    if let header::Entry::Occupied(connection) = headers.entry(header::CONNECTION) {
        let (_, values) = connection.remove_entry_mult();
        for value in values.collect::<Vec<_>>() {
            for token in tokens(&value) {
                if token.eq_ignore_ascii_case("upgrade") {
                    hop.upgrade.clone_from(&upgrade);
                } else if let Ok(name) = HeaderName::from_bytes(token.as_bytes())
                    && name != header::HOST
                    && name != header::CONTENT_LENGTH
                {
                    headers.remove(name);
                }
            }
        }
    }
    hop.chunked = headers.remove(header::TRANSFER_ENCODING).is_some();
    for name in [header::TE, KEEP_ALIVE, PROXY_CONNECTION] {
        headers.remove(name);
    }
    hop
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
        let hop = take_hop(&mut headers);
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
        assert_eq!(take_hop(&mut headers).upgrade.unwrap(), "websocket");
        assert!(headers.is_empty());
    }
}
