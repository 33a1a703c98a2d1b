//! The fields that tell clients of limits (draft-ietf-httpapi-ratelimit-headers-11): lists of strings with parameters
//! (RFC 9651).

use std::{fmt::Write, time::Duration};

use http::{HeaderName, HeaderValue};

use crate::pipeline::limiter::{Left, Limit, Rate};

pub(super) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The longest name that is told.
const LONGEST_NAME: usize = 80;

/// What clients are told of one limit.
#[derive(Debug)]
pub(super) struct Told {
    /// How they know its rates.
    pub(super) names: Box<[Box<str>]>,
    /// What those are told who ask less than they may, which are most: all was there before they asked.
    usual: Option<(Saying, HeaderValue)>,
}

impl Told {
    /// Of questions of this cost.
    pub(super) fn new(limit: &Limit, cost: u32) -> Self {
        let names = policy_names(limit);
        let left = limit.definition.terms.first(cost);
        let usual = left.map(Saying::from);
        let usual = usual.map(|usual| (usual, usual.field(&names)));
        Self { names, usual }
    }

    /// How much there is now, and how long there is no more than that.
    pub(super) fn field(&self, left: Left) -> HeaderValue {
        let now = Saying::from(left);
        match &self.usual {
            Some((usual, field)) if *usual == now => field.clone(),
            _ => now.field(&self.names),
        }
    }
}

/// What is left, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Saying {
    seconds: u64,
    remaining: u32,
    rate: u8,
}

impl From<Left> for Saying {
    fn from(left: Left) -> Self {
        Self {
            seconds: seconds(left.next),
            remaining: left.remaining,
            rate: left.rate,
        }
    }
}

impl Saying {
    /// `names`: those of the rates.
    fn field(self, names: &[Box<str>]) -> HeaderValue {
        let name = &names[usize::from(self.rate)];
        let (mut remaining, mut seconds) = (itoa::Buffer::new(), itoa::Buffer::new());
        let remaining = remaining.format(self.remaining);
        let seconds = seconds.format(self.seconds);
        let text = [name, ";r=", remaining, ";t=", seconds].concat();
        // Names are visible ASCII.
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("\"limit\";r=0"))
    }
}

/// The names of a limit's rates, quoted: with several rates, each has its period after a slash.
pub(super) fn policy_names(limit: &Limit) -> Box<[Box<str>]> {
    let rates = &limit.definition.terms.rates();
    let name = |rate: &Rate| match rates.len() {
        1 => quoted(&limit.name),
        _ => quoted(&format!("{}/{}", limit.name, rate.period_text())),
    };
    rates.iter().map(name).collect()
}

/// A string of visible ASCII (RFC 9651 section 3.3.3).
fn quoted(text: &str) -> Box<str> {
    let plain = |c: char| {
        let fits = matches!(c, ' '..='~') && c != '"' && c != '\\';
        if fits { c } else { '?' }
    };
    let mut quoted = String::from('"');
    quoted.extend(text.chars().take(LONGEST_NAME - 2).map(plain));
    quoted.push('"');
    quoted.into()
}

/// What limits allow, as it stays from one response to the next; none for limits that do not tell.
pub(super) fn policy<'a>(
    limits: impl Iterator<Item = (&'a Limit, &'a [Box<str>])>,
) -> Option<HeaderValue> {
    let mut text = String::new();
    for (limit, names) in limits.filter(|(limit, _)| limit.definition.headers) {
        let terms = &limit.definition.terms;
        for (rate, name) in terms.rates().iter().zip(names) {
            let (quota, seconds) = rate.window();
            // Writing to a string does not fail.
            let _ = write!(text, "{}{name};q={quota};w={seconds}", separator(&text));
        }
        if let Some(most) = terms.concurrency() {
            let name = quoted(&limit.name);
            let unit = "qu=\"concurrent-requests\"";
            let _ = write!(text, "{}{name};q={most};{unit}", separator(&text));
        }
    }
    if text.is_empty() {
        return None;
    }
    HeaderValue::try_from(text).ok()
}

fn separator(before: &str) -> &'static str {
    if before.is_empty() { "" } else { ", " }
}

/// Whole seconds, rounded up, at least 1.
pub(super) fn seconds(time: Duration) -> u64 {
    let whole = u64::from(time.subsec_nanos() > 0);
    time.as_secs().saturating_add(whole).max(1)
}
