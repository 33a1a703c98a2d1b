//! Sending a request again: when that is safe, how often, and how soon.

mod again;
mod budget;
mod replay;

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::{Method, Response, StatusCode};

use super::{super::grpc, error::ErrorKind};
use crate::config::{
    problem::Problem,
    raw::{self, RetryOn},
    span::Spanned,
};

pub(super) use budget::Budget;
pub(super) use replay::Replay;

const ATTEMPTS: u8 = 2;
const MOST_ATTEMPTS: u8 = 10;
const BACKOFF: Duration = Duration::from_millis(25);
/// Percent.
const BUDGET: u8 = 20;
const DEFAULT: [RetryOn; 2] = [RetryOn::ConnectFailure, RetryOn::RefusedStream];

/// `retry` of one route.
#[derive(Debug)]
pub struct Retry {
    pub(super) attempts: u8,
    on: Box<[RetryOn]>,
    non_idempotent: bool,
    backoff: Duration,
    /// Percent.
    pub(super) budget: u8,
}

impl Retry {
    /// # Errors
    /// Numbers that are out of their range, each at its place.
    pub fn compile(
        written: &Spanned<raw::Retry>,
        file: &Arc<PathBuf>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut within = |number: &Option<Spanned<u8>>, default, most| match number {
            None => default,
            Some(number) => {
                if !(1..=most).contains(&number.value) {
                    let message = format!("{} is not from 1 to {most}", number.value);
                    problems.push(
                        Problem::error(file, number.span, message)
                            .hint("write another number, or take `retry` out"),
                    );
                }
                number.value
            }
        };
        let attempts = within(&written.attempts, ATTEMPTS, MOST_ATTEMPTS);
        let budget = within(&written.budget, BUDGET, 100);
        let on = written.on.as_ref();
        let on: Box<[_]> = on.map_or(Box::from(DEFAULT), |on| {
            on.0.iter().map(|it| it.value).collect()
        });
        if on.is_empty() {
            problems.push(
                Problem::error(file, written.span, "`retry` has nothing under `on`").hint(
                    "write `on: [connect-failure, refused-stream]`, or leave `on` out for these",
                ),
            );
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            attempts,
            on,
            non_idempotent: written.non_idempotent,
            backoff: written.backoff.map_or(BACKOFF, |backoff| backoff.0),
            budget,
        })
    }

    /// How often a request may be sent again.
    pub fn attempts(&self) -> u8 {
        self.attempts
    }

    /// Whether a request is sent again after this.
    pub(super) fn after_failure(&self, kind: &ErrorKind, method: &Method) -> bool {
        match kind {
            ErrorKind::Unhealthy | ErrorKind::Gated => false,
            ErrorKind::Exchange(_) if kind.is_unsent() => self.has(RetryOn::RefusedStream),
            ErrorKind::Exchange(_) => self.has(RetryOn::Reset) && self.may_repeat(method),
            _ => self.has(RetryOn::ConnectFailure),
        }
    }

    /// The same, after a response of which nothing has gone to the client.
    pub(super) fn after_response<B>(&self, response: &Response<B>, method: &Method) -> bool {
        let bad_gateway = matches!(
            response.status(),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        );
        if bad_gateway {
            return self.has(RetryOn::GatewayError) && self.may_repeat(method);
        }
        // In the head only when there is no message.
        let Some(status) = response.headers().get(grpc::GRPC_STATUS) else {
            return false;
        };
        match status.as_bytes() {
            b"14" => self.has(RetryOn::Unavailable),
            b"8" => self.has(RetryOn::ResourceExhausted),
            b"10" => self.has(RetryOn::Aborted),
            _ => false,
        }
    }

    fn has(&self, cause: RetryOn) -> bool {
        self.on.contains(&cause)
    }

    fn may_repeat(&self, method: &Method) -> bool {
        self.non_idempotent || method.is_idempotent()
    }

    /// How long to wait before an endpoint is asked once more: doubled for each time that was waited before, and
    /// not the same for all, who would come back together.
    pub(super) fn pause(&self, before: u32, chance: u64) -> Duration {
        let whole = self.backoff * (1 << before.min(4)).min(10);
        whole / 2 + (whole / 2).mul_f64((chance % 1024) as f64 / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(on: &[RetryOn]) -> Retry {
        Retry {
            attempts: 2,
            on: on.into(),
            non_idempotent: false,
            backoff: Duration::from_millis(100),
            budget: 20,
        }
    }

    #[test]
    fn only_what_is_safe_is_sent_again() {
        let answered = |status: u16, call: Option<&'static str>| {
            let response = Response::builder().status(status);
            let response = match call {
                Some(status) => response.header("grpc-status", status),
                None => response,
            };
            response.body(()).unwrap()
        };
        let all = retry(&[RetryOn::GatewayError, RetryOn::Unavailable]);
        assert!(all.after_response(&answered(503, None), &Method::GET));
        assert!(!all.after_response(&answered(503, None), &Method::POST));
        assert!(!all.after_response(&answered(500, None), &Method::GET));
        assert!(all.after_response(&answered(200, Some("14")), &Method::POST));
        assert!(!all.after_response(&answered(200, Some("8")), &Method::POST));
        assert!(!all.after_response(&answered(200, Some("0")), &Method::POST));
        let none = retry(&DEFAULT);
        assert!(!none.after_response(&answered(503, None), &Method::GET));
        let unreachable = ErrorKind::ConnectTimeout(Duration::ZERO);
        assert!(none.after_failure(&unreachable, &Method::POST));
        assert!(!all.after_failure(&unreachable, &Method::POST));
        assert!(!none.after_failure(&ErrorKind::Unhealthy, &Method::GET));
    }

    #[test]
    fn pauses_grow_and_differ() {
        let retry = retry(&DEFAULT);
        assert_eq!(retry.pause(0, 0), Duration::from_millis(50));
        assert!(retry.pause(0, 1023) < Duration::from_millis(100));
        assert_eq!(retry.pause(1, 0), Duration::from_millis(100));
        assert_eq!(retry.pause(30, 0), Duration::from_millis(500));
    }
}
