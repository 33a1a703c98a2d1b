//! From an upstream's `health`, as written, to how it is checked.

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::uri::PathAndQuery;

use super::{Ask, Plan};
use crate::config::{
    problem::Problem,
    raw::{self, HumanDuration, ShortOr},
    span::Spanned,
};

/// None, and problems, when it cannot be what was meant. `http2` says that HTTP/2 is spoken, or may be.
pub(in super::super) fn compile(
    written: &Spanned<raw::Health>,
    http2: bool,
    file: &Arc<PathBuf>,
    problems: &mut Vec<Problem>,
) -> Option<Plan> {
    let before = problems.len();
    let ask = ask(written, http2, file, problems);
    let mut positive = |time: &Spanned<HumanDuration>| {
        if time.0.is_zero() {
            let problem = Problem::error(file, time.span, "checks need some time");
            problems.push(problem.hint("write a duration such as `5s`"));
        }
        time.0
    };
    let (interval, timeout): (Duration, Duration) =
        (positive(&written.interval), positive(&written.timeout));
    let mut at_least_one = |count: &Spanned<u16>| {
        if count.value == 0 {
            let problem = Problem::error(file, count.span, "no check at all decides nothing");
            problems.push(problem.hint("write at least 1"));
        }
        count.value
    };
    let plan = Plan {
        ask: ask?,
        interval,
        timeout,
        healthy: at_least_one(&written.healthy),
        unhealthy: at_least_one(&written.unhealthy),
        fail_open: written.fail_open,
    };
    (problems.len() == before).then_some(plan)
}

fn ask(
    written: &Spanned<raw::Health>,
    http2: bool,
    file: &Arc<PathBuf>,
    problems: &mut Vec<Problem>,
) -> Option<Ask> {
    let mut refuse = |span, message: String, hint: &str| {
        problems.push(Problem::error(file, span, message).hint(hint));
        None
    };
    match (&written.grpc, &written.http) {
        (Some(grpc), None) if !http2 => refuse(
            grpc.key,
            String::from("gRPC health checks need HTTP/2"),
            "write `protocol: http2` in the upstream",
        ),
        (Some(grpc), None) => Some(Ask::Grpc {
            service: match &grpc.value {
                ShortOr::Short(service) => service.value.clone(),
                ShortOr::Full(full) => full.service.clone(),
            },
        }),
        (None, Some(path)) => match path.parse::<PathAndQuery>() {
            Ok(parsed) if path.starts_with('/') => Some(Ask::Http { path: parsed }),
            _ => refuse(
                path.span,
                format!("`{}` is not a path", path.value),
                "write `http: /healthz`",
            ),
        },
        (None, None) => refuse(
            written.span,
            String::from("`health` says not how to check"),
            "write `grpc: {}`, `grpc: SERVICE` or `http: /healthz`",
        ),
        (Some(_), Some(path)) => refuse(
            path.span,
            String::from("`health` has both `grpc` and `http`"),
            "keep one",
        ),
    }
}
