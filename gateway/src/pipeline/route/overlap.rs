//! Whether some request could match both of two rules of equal rank.

use super::{predicate::ValueTest, rule::Rule};

/// For rules of equal rank with the same host and the same shape of path. False only when it is certain.
pub(super) fn may_overlap(a: &Rule, b: &Rule) -> bool {
    let methods = a.methods.is_empty()
        || b.methods.is_empty()
        || a.methods.iter().any(|method| b.methods.contains(method));
    let headers = || {
        a.headers.iter().all(|test| {
            let other = b.headers.iter().find(|other| other.name == test.name);
            other.is_none_or(|other| may_both_hold(&test.value, &other.value))
        })
    };
    let query = || {
        a.query.iter().all(|test| {
            let other = b.query.iter().find(|other| other.name == test.name);
            other.is_none_or(|other| may_both_hold(&test.value, &other.value))
        })
    };
    methods && headers() && query()
}

fn may_both_hold(a: &ValueTest, b: &ValueTest) -> bool {
    use ValueTest::{Absent, Exact, Regex};
    match (a, b) {
        (Absent, Absent) => true,
        (Absent, _) | (_, Absent) => false,
        (Exact(a), Exact(b)) => a == b,
        (Exact(value), Regex(expression)) | (Regex(expression), Exact(value)) => {
            expression.is_match(value.as_bytes())
        }
        _ => true,
    }
}
