//! Ranges of addresses.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// A range; one of IPv4 addresses within IPv6 ones is the range of the IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network(IpNet);

impl Network {
    /// The message says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| {
                format!("`{text}` is no range of addresses; write one as `10.0.0.0/8` or `2001:db8::/32`, or one address")
            })?;
        if net.trunc() != net {
            return Err(format!(
                "`{text}` says more than its prefix keeps; write `{}`",
                net.trunc()
            ));
        }
        Ok(Self(canonical(net)))
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }
}

fn canonical(net: IpNet) -> IpNet {
    match (net.addr().to_canonical(), net.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(length)) if matches!(net, IpNet::V6(_)) => {
            Ipv4Net::new(address, length).map_or(net, IpNet::V4)
        }
        _ => net,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &str, address: &str) -> bool {
        Network::parse(range)
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn a_range_holds_its_addresses() {
        for (range, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", false),
            ("::ffff:192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
            ("::/0", "::ffff:192.0.2.1", false),
        ] {
            assert_eq!(holds(range, address), expected, "{address} in {range}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0/8",
            "example.com",
            "fe80::1%eth0",
            "10.0.0.1/8",
        ] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
        assert!(
            Network::parse("10.0.0.1/8")
                .unwrap_err()
                .ends_with("write `10.0.0.0/8`")
        );
    }
}
