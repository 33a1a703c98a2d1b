//! The gateway as browsers see it: its origin, and how cookies are set there.

use witgate_plugin::Request;

/// One origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// As in `https://shop.example.com`, without a slash at its end.
    pub(crate) origin: String,
    /// Whether cookies go over https alone.
    pub(crate) secure: bool,
}

impl Site {
    /// As the request says, unless the settings know better.
    pub(crate) fn of(request: &Request, origin: Option<&str>, secure: Option<bool>) -> Self {
        let origin = origin.map_or_else(
            || format!("{}://{}", request.scheme(), request.authority()),
            str::to_owned,
        );
        Self {
            // Cookies of plain http are for trying things out. Elsewhere, a proxy before the gateway speaks https.
            secure: secure.unwrap_or_else(|| !is_loopback_http(&origin)),
            origin,
        }
    }

    /// RFC 6265bis section 4.1.3.2: what only this host can have set, and only over https.
    pub(crate) fn cookie_prefix(&self) -> &'static str {
        if self.secure { "__Host-" } else { "" }
    }
}

fn is_loopback_http(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else {
        return false;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let is_ipv4 = || {
        host.parse::<std::net::Ipv4Addr>()
            .is_ok_and(|it| it.is_loopback())
    };
    host == "localhost" || host == "[::1]" || is_ipv4()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_browser_on_this_machine_goes_without_https() {
        for origin in [
            "http://localhost",
            "http://localhost:8080",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://[::1]",
        ] {
            assert!(is_loopback_http(origin), "{origin}");
        }
        for origin in [
            "https://localhost",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com:80",
            "http://shop.example.com",
            "http://[::2]:80",
        ] {
            assert!(!is_loopback_http(origin), "{origin}");
        }
    }
}
