//! Origins as browsers write them (RFC 6454 section 6.2).

use super::super::report::Invalid;

/// Which origins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Exact(Box<str>),
    /// Any name below a host: what stands before the name, and what follows.
    Below {
        scheme: Box<str>,
        host: Box<str>,
    },
}

const FORM: &str =
    "write `https://app.example.com`, `http://localhost:8080` or `https://*.example.com`";

impl Origin {
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new(format!("`{text}` is not an origin"), FORM);
        if text == "null" {
            return Err(Invalid::new(
                "the origin `null` is that of any sandboxed page",
                FORM,
            ));
        }
        let lower = text.to_ascii_lowercase();
        let (scheme, authority) = lower.split_once("://").ok_or_else(bad)?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let name = host.strip_prefix("*.");
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        let is_scheme = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))
        };
        let checked = name.unwrap_or(host);
        if !is_scheme(scheme) || checked.is_empty() || !checked.bytes().all(fine) {
            return Err(bad());
        }
        let default = match scheme {
            "http" => Some("80"),
            "https" => Some("443"),
            _ => None,
        };
        if let Some(port) = port {
            port.parse::<u16>().map_err(|_| bad())?;
            if Some(port) == default {
                let without = &text[..text.len() - port.len() - 1];
                return Err(Invalid::new(
                    format!("`{text}` names its scheme's default port, which browsers leave out"),
                    format!("write `{without}`"),
                ));
            }
        }
        Ok(match name {
            None => Self::Exact(lower.into()),
            Some(_) => Self::Below {
                scheme: format!("{scheme}://").into(),
                host: authority[1..].into(),
            },
        })
    }

    pub(super) fn matches(&self, origin: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => exact.as_bytes() == origin,
            Self::Below { scheme, host } => origin
                .strip_prefix(scheme.as_bytes())
                .and_then(|rest| rest.strip_suffix(host.as_bytes()))
                .is_some_and(|name| {
                    let of_a_name = |it: &u8| it.is_ascii_alphanumeric() || b"-._".contains(it);
                    !name.is_empty() && name.iter().all(of_a_name)
                }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_a_host_match_and_others_do_not() {
        let below = Origin::parse("https://*.Example.com:8443").unwrap();
        for (origin, matches) in [
            ("https://a.example.com:8443", true),
            ("https://a.b.example.com:8443", true),
            ("https://example.com:8443", false),
            ("https://.example.com:8443", false),
            ("https://aexample.com:8443", false),
            ("http://a.example.com:8443", false),
            ("https://a.example.com", false),
            ("https://evil.test/.example.com:8443", false),
            ("https://evil.test:1.example.com:8443", false),
            ("null", false),
        ] {
            assert_eq!(below.matches(origin.as_bytes()), matches, "{origin}");
        }
        let exact = Origin::parse("http://[::1]:8080").unwrap();
        assert!(exact.matches(b"http://[::1]:8080"));
        assert!(Origin::parse("chrome-extension://abcdef").is_ok());
    }
}
