//! The fields that tell clients of limits (draft-ietf-httpapi-ratelimit-headers-11): lists of strings with parameters
//! (RFC 9651).

use std::{fmt::Write, io::Write as _, time::Duration};

use http::{HeaderName, HeaderValue};

use crate::pipeline::limiter::{Left, Limit, Rate};

pub(super) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The longest name that is told.
const LONGEST_NAME: usize = 80;
/// A name, and two numbers with their keys.
const LONGEST_LIMIT: usize = LONGEST_NAME + 64;

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

/// How much there is now, and how long there is no more than that.
pub(super) fn limit(name: &str, left: &Left) -> HeaderValue {
    let mut buffer = [0; LONGEST_LIMIT];
    let mut room = &mut buffer[..];
    let seconds = seconds(left.next);
    // It fits: the name is bounded, and so are the numbers.
    let _ = write!(room, "{name};r={};t={seconds}", left.remaining);
    let unused = room.len();
    let written = &buffer[..LONGEST_LIMIT - unused];
    HeaderValue::from_bytes(written).unwrap_or_else(|_| HeaderValue::from_static("\"limit\";r=0"))
}

/// Whole seconds, rounded up, at least 1.
pub(super) fn seconds(time: Duration) -> u64 {
    let whole = u64::from(time.subsec_nanos() > 0);
    time.as_secs().saturating_add(whole).max(1)
}
