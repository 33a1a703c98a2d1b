//! Conditions on header fields and on parameters of the query.

use std::fmt;

use http::{HeaderMap, HeaderName};

use super::{expression::Expression, path::hex};
use crate::config::secret::{MASK, is_secret};

/// A condition on one value.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueTest {
    Exact(Box<str>),
    Regex(Expression),
    Present,
    Absent,
}

/// A condition on one header field. The values of a repeated field count as one, joined with `, ` (RFC 9110
/// section 5.2).
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderTest {
    pub name: HeaderName,
    pub value: ValueTest,
}

/// A condition on one parameter of the query, after percent-decoding (RFC 3986: a `+` is a plus). Of a repeated
/// parameter the first counts.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryTest {
    pub name: Box<str>,
    pub value: ValueTest,
}

impl ValueTest {
    fn holds(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none(),
            (_, None) => false,
            (Self::Present, Some(_)) => true,
            (Self::Exact(exact), Some(value)) => exact.as_bytes() == value,
            (Self::Regex(expression), Some(value)) => expression.is_match(value),
        }
    }
}

impl HeaderTest {
    pub fn holds(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&self.name).iter();
        let first = values.next();
        if values.next().is_none() {
            return self.value.holds(first.map(|value| value.as_bytes()));
        }
        match &self.value {
            ValueTest::Absent => false,
            ValueTest::Present => true,
            test => test.holds(Some(&joined(headers, &self.name))),
        }
    }
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let mut whole = Vec::new();
    for (n, value) in headers.get_all(name).iter().enumerate() {
        if n > 0 {
            whole.extend_from_slice(b", ");
        }
        whole.extend_from_slice(value.as_bytes());
    }
    whole
}

impl QueryTest {
    pub fn holds(&self, query: Option<&str>) -> bool {
        let value = query.and_then(|query| self.find(query));
        match (&self.value, value) {
            (ValueTest::Exact(exact), Some(value)) => decoded(value).eq(exact.bytes()),
            (ValueTest::Regex(expression), Some(value)) => {
                expression.is_match(&decoded(value).collect::<Vec<_>>())
            }
            (test, value) => test.holds(value.map(str::as_bytes)),
        }
    }

    fn find<'q>(&self, query: &'q str) -> Option<&'q str> {
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(name, _)| decoded(name).eq(self.name.bytes()))
            .map(|(_, value)| value)
    }
}

/// Percent-decoded; what is no escape stays as it is.
fn decoded(text: &str) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        if let (b'%', [high, low, tail @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = tail;
            return Some(high << 4 | low);
        }
        rest = tail;
        Some(first)
    })
}

impl ValueTest {
    fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A shared secret may be what tells routes apart.
        let secret = is_secret(name) || name.eq_ignore_ascii_case("cookie");
        match self {
            Self::Exact(_) | Self::Regex(_) if secret => write!(f, "{name}={MASK}"),
            Self::Exact(value) => write!(f, "{name}={value}"),
            Self::Regex(expression) => write!(f, "{name}~{}", expression.text()),
            Self::Present => write!(f, "{name}"),
            Self::Absent => write!(f, "!{name}"),
        }
    }
}

impl fmt::Display for HeaderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.show(self.name.as_str(), f)
    }
}

impl fmt::Display for QueryTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("?")?;
        self.value.show(&self.name, f)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn exact(text: &str) -> ValueTest {
        ValueTest::Exact(text.into())
    }

    fn regex(text: &str) -> ValueTest {
        ValueTest::Regex(Expression::new(text).unwrap())
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = |name: &str, value| {
            let name = name.parse().unwrap();
            HeaderTest { name, value }.to_string()
        };
        assert_eq!(shown("x-api-key", exact("hush")), "x-api-key=***");
        assert_eq!(shown("cookie", regex(".*hush.*")), "cookie=***");
        assert_eq!(shown("authorization", ValueTest::Absent), "!authorization");
        assert_eq!(shown("x-tenant", exact("a")), "x-tenant=a");
    }

    #[test]
    fn repeated_fields_are_compared_as_one() {
        let mut headers = HeaderMap::new();
        headers.append("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        headers.append("x-one", HeaderValue::from_static("1"));
        let holds = |name: &str, value| {
            let name = name.parse().unwrap();
            HeaderTest { name, value }.holds(&headers)
        };
        assert!(holds("accept", exact("a, b")) && !holds("accept", exact("a")));
        assert!(holds("accept", regex(".*b")) && holds("accept", ValueTest::Present));
        assert!(!holds("accept", ValueTest::Absent) && holds("x-none", ValueTest::Absent));
        assert!(holds("x-one", exact("1")) && !holds("x-one", exact("2")));
        assert!(!holds("x-none", exact("")) && !holds("x-none", regex(".*")));
    }

    #[test]
    fn parameters_are_compared_decoded_and_the_first_counts() {
        let holds = |name: &str, value, query| {
            let name = name.into();
            QueryTest { name, value }.holds(query)
        };
        let query = Some("a=%31%2b+&b&c=1&c=2&%64=x&e=%zz");
        assert!(holds("a", exact("1++"), query));
        assert!(holds("b", ValueTest::Present, query) && holds("b", exact(""), query));
        assert!(holds("c", exact("1"), query) && !holds("c", exact("2"), query));
        assert!(holds("d", regex("x|y"), query) && holds("e", exact("%zz"), query));
        assert!(holds("z", ValueTest::Absent, query) && holds("a", ValueTest::Absent, None));
        assert!(!holds("z", ValueTest::Present, query));
    }
}
