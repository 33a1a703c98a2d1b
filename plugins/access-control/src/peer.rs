//! Certificates of clients, as rules name them.

use witgate_plugin::Peer;

/// Which certificates are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PeerPattern {
    /// The segments of a SPIFFE id, its trust domain first.
    Spiffe(Vec<Segment>),
    Dns(String),
    Sha256(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Text(String),
    /// `*`: any one.
    One,
    /// `**` at the end: one or more.
    Rest,
}

impl PeerPattern {
    /// The message says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(id) = text.strip_prefix("spiffe://") {
            return segments(id).map(Self::Spiffe).ok_or_else(|| {
                format!(
                    "`{text}` is no SPIFFE id; write `spiffe://example.org/ns/shop/sa/orders`, with `*` for a whole segment of the path and `**` at its end only"
                )
            });
        }
        if let Some(name) = text.strip_prefix("dns:") {
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            return match name.is_empty() || !name.chars().all(legal) {
                true => Err(format!(
                    "`{name}` is no DNS name; write `dns:orders.example.com`"
                )),
                false => Ok(Self::Dns(name.to_ascii_lowercase())),
            };
        }
        if let Some(digest) = text.strip_prefix("sha256:") {
            let digest = digest.replace(':', "").to_ascii_lowercase();
            return match digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()) {
                true => Ok(Self::Sha256(digest)),
                false => Err(String::from(
                    "this is no SHA-256; write the 64 hexadecimal digits that `openssl x509 -fingerprint -sha256` prints",
                )),
            };
        }
        Err(format!(
            "`{text}` names no certificate; begin with `spiffe://`, `dns:` or `sha256:`"
        ))
    }

    pub(crate) fn matches(&self, peer: &Peer) -> bool {
        match self {
            Self::Spiffe(pattern) => {
                let id = peer.spiffe_id.as_deref();
                let id = id.and_then(|id| id.strip_prefix("spiffe://"));
                id.is_some_and(|id| fits(pattern, id))
            }
            Self::Dns(name) => peer
                .dns_names
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name)),
            Self::Sha256(digest) => *digest == peer.fingerprint,
        }
    }

    /// Whether every certificate that `other` means is meant here too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Spiffe(own), Self::Spiffe(other)) => includes(own, other),
            _ => self == other,
        }
    }
}

fn segments(id: &str) -> Option<Vec<Segment>> {
    let count = id.split('/').count();
    let segment = |(index, text): (usize, &str)| {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_text = !matches!(text, "" | "." | "..") && text.chars().all(legal);
        match text {
            "*" if index > 0 => Some(Segment::One),
            "**" if index > 0 && index + 1 == count => Some(Segment::Rest),
            // The domain is in lower case.
            _ if is_text && (index > 0 || text == text.to_ascii_lowercase()) => {
                Some(Segment::Text(text.to_owned()))
            }
            _ => None,
        }
    };
    (count > 1).then(|| id.split('/').enumerate().map(segment).collect())?
}

fn fits(pattern: &[Segment], id: &str) -> bool {
    let mut parts = id.split('/');
    for segment in pattern {
        let Some(part) = parts.next() else {
            return false;
        };
        match segment {
            Segment::Text(text) if text != part => return false,
            Segment::Text(_) | Segment::One => {}
            Segment::Rest => return true,
        }
    }
    parts.next().is_none()
}

fn includes(own: &[Segment], other: &[Segment]) -> bool {
    match (own, other) {
        ([], []) => true,
        ([Segment::Rest], [_, ..]) => true,
        ([Segment::One, own @ ..], [Segment::Text(_) | Segment::One, other @ ..]) => {
            includes(own, other)
        }
        ([Segment::Text(text), own @ ..], [Segment::Text(same), other @ ..]) => {
            text == same && includes(own, other)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: &str) -> Peer {
        Peer {
            spiffe_id: Some(id.into()),
            dns_names: vec!["orders.example.com".into()],
            fingerprint: "ab".repeat(32),
            ..Peer::default()
        }
    }

    #[test]
    fn stars_stand_for_whole_segments() {
        for (pattern, id, expected) in [
            ("spiffe://a.org/ns/shop", "spiffe://a.org/ns/shop", true),
            ("spiffe://a.org/ns/*", "spiffe://a.org/ns/shop", true),
            ("spiffe://a.org/ns/*", "spiffe://a.org/ns/shop/sa", false),
            ("spiffe://a.org/*/shop", "spiffe://a.org/ns/shop", true),
            ("spiffe://a.org/ns/*", "spiffe://a.org/ns", false),
            ("spiffe://a.org/**", "spiffe://a.org/ns/shop/sa/x", true),
            ("spiffe://a.org/ns/**", "spiffe://a.org/ns", false),
            ("spiffe://a.org/**", "spiffe://a.org.evil/ns", false),
            ("spiffe://a.org/**", "spiffe://b.org/ns", false),
            ("dns:Orders.example.com", "spiffe://a.org/x", true),
            ("dns:example.com", "spiffe://a.org/x", false),
        ] {
            let parsed = PeerPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(&peer(id)), expected, "{pattern} {id}");
        }
        let digest = format!("sha256:{}", ["AB"; 32].join(":"));
        assert!(
            PeerPattern::parse(&digest)
                .unwrap()
                .matches(&peer("spiffe://a/b"))
        );
        assert!(
            !PeerPattern::parse("spiffe://a/b")
                .unwrap()
                .matches(&Peer::default())
        );
    }

    #[test]
    fn what_names_no_certificate_is_refused() {
        for text in [
            "",
            "orders",
            "spiffe://",
            "spiffe://a.org",
            "spiffe://a.org/",
            "spiffe://*/x",
            "spiffe://A.org/x",
            "spiffe://a.org/x*",
            "spiffe://a.org/**/x",
            "spiffe://a.org/x//y",
            "dns:",
            "dns:*.example.com",
            "sha256:ab",
        ] {
            assert!(PeerPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn wider_patterns_cover_narrower_ones() {
        let covers = |a: &str, b: &str| {
            PeerPattern::parse(a)
                .unwrap()
                .covers(&PeerPattern::parse(b).unwrap())
        };
        assert!(covers("spiffe://a/*/c", "spiffe://a/b/c"));
        assert!(covers("spiffe://a/**", "spiffe://a/*/c"));
        assert!(covers("spiffe://a/**", "spiffe://a/b/**"));
        assert!(!covers("spiffe://a/*", "spiffe://a/**"));
        assert!(!covers("spiffe://a/b/c", "spiffe://a/*/c"));
        assert!(!covers("dns:a", "spiffe://a/b"));
    }
}
