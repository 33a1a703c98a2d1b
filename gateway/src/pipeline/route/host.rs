//! Hosts as routes name them.

use std::{fmt, sync::Arc};

use super::report::Invalid;

/// Which hosts a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This name or address, in lower case, without a port.
    Exact(Arc<str>),
    /// Any name below the one that is kept here with its leading dot: `*.example.com` is `.example.com`.
    Wildcard(Arc<str>),
    Any,
}

impl HostPattern {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text == "*" {
            return Err(Invalid::new(
                "`*` alone is not a host",
                "leave `host` out to match any host",
            ));
        }
        let lower = text.to_ascii_lowercase();
        match lower.strip_prefix('*') {
            Some(suffix) => {
                check_name(text, suffix.strip_prefix('.').unwrap_or(suffix))?;
                if !suffix.starts_with('.') {
                    return Err(wildcard_place(text));
                }
                Ok(Self::Wildcard(suffix.into()))
            }
            None => {
                check_name(text, &lower)?;
                Ok(Self::Exact(lower.into()))
            }
        }
    }

    /// What hosts are looked up by: no exact name begins with a dot, and none is empty.
    pub fn key(&self) -> &str {
        match self {
            Self::Exact(name) | Self::Wildcard(name) => name,
            Self::Any => "",
        }
    }

    /// `host` in lower case, without a port.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => host == &**name,
            Self::Wildcard(suffix) => host.len() > suffix.len() && host.ends_with(&**suffix),
            Self::Any => true,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(suffix) => write!(f, "*{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

fn wildcard_place(text: &str) -> Invalid {
    Invalid::new(
        format!("`{text}` has a wildcard that is not its whole first label"),
        "a wildcard stands first and alone: `*.example.com`",
    )
}

/// RFC 9110 section 4.2.3 with RFC 952 and 1123, and underscores since they are used.
fn check_name(text: &str, name: &str) -> Result<(), Invalid> {
    if name.starts_with('[') && name.ends_with(']') {
        return match name[1..name.len() - 1].parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(not_a_host(
                text,
                "an IPv6 address looks like `[2001:db8::1]`",
            )),
        };
    }
    if name.contains('*') {
        return Err(wildcard_place(text));
    }
    if name.contains("://") || name.contains('/') {
        return Err(not_a_host(text, "write the host alone: no scheme, no path"));
    }
    if name.contains(':') {
        return Err(not_a_host(
            text,
            "write the host without a port: a listener's port says nothing about the route",
        ));
    }
    if !name.is_ascii() {
        return Err(not_a_host(
            text,
            "write the name in its ASCII form (`xn--…`)",
        ));
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(not_a_host(
            text,
            "labels of letters, digits and hyphens with single dots between, as `api.example.com`",
        ));
    }
    Ok(())
}

fn not_a_host(text: &str, hint: &str) -> Invalid {
    Invalid::new(format!("`{text}` is not a host"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_wildcards_are_read() {
        let parse = |text| HostPattern::parse(text).unwrap();
        assert_eq!(
            parse("API.example.com"),
            HostPattern::Exact("api.example.com".into())
        );
        assert_eq!(parse("*.example.com").to_string(), "*.example.com");
        assert!(parse("[::1]").matches("[::1]"));
        let wildcard = parse("*.example.com");
        assert!(wildcard.matches("a.b.example.com"));
        assert!(!wildcard.matches("example.com") && !wildcard.matches(".example.com"));
        assert!(!wildcard.matches("badexample.com"));
    }

    #[test]
    fn others_are_refused_with_a_hint() {
        for (text, hint) in [
            ("*", "leave `host` out"),
            ("a.*.com", "first and alone"),
            ("*example.com", "first and alone"),
            ("http://a.com", "no scheme"),
            ("a.com:80", "without a port"),
            ("bücher.de", "xn--"),
            ("a..b", "single dots"),
            ("a.com.", "single dots"),
            ("", "labels"),
            ("*.", "labels"),
            ("[zz]", "IPv6"),
        ] {
            let invalid = HostPattern::parse(text).expect_err(text);
            assert!(invalid.hint.contains(hint), "{text}: {invalid:?}");
        }
    }
}
