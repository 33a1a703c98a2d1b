//! `again`: a plugin is called until it waits for nothing more. No instance is held meanwhile.

use tokio::time::Instant;

use super::Running;
use crate::pipeline::sandbox::{arrivals::Arrival, bindings::on_request, failure::FailureKind};

/// Who asks for more would go on for ever.
const MOST_CALLS: usize = 1_000;

impl Running {
    /// What the plugin says once it waits for nothing more. `arrivals`: what its first call waits for, if that was made.
    pub(super) async fn request_verdict(
        &self,
        index: usize,
        parts: &mut http::request::Parts,
        arrivals: Option<Vec<Arrival>>,
    ) -> Result<on_request::Verdict, FailureKind> {
        let arrivals = match arrivals {
            Some(arrivals) => arrivals,
            None => match self.call_request(index, parts).await? {
                (on_request::Verdict::Again, arrivals) => arrivals,
                (verdict, _) => return Ok(verdict),
            },
        };
        self.request_verdict_after(index, parts, arrivals).await
    }

    /// Waits for what was asked for, and calls again, until there is another verdict or the time is up.
    async fn request_verdict_after(
        &self,
        index: usize,
        parts: &mut http::request::Parts,
        mut arrivals: Vec<Arrival>,
    ) -> Result<on_request::Verdict, FailureKind> {
        let limit = self.plugin(index).settings.limits.wait;
        let end = Instant::now() + limit;
        for _ in 0..MOST_CALLS {
            if arrivals.is_empty() {
                let what = "it asked to be called again and waits for nothing";
                return Err(FailureKind::Failed(what.into()));
            }
            let any = futures_util::future::select_all(arrivals);
            if tokio::time::timeout_at(end, any).await.is_err() {
                return Err(FailureKind::Waited(limit));
            }
            // One whose wishes are always granted at once must not keep the worker from its other exchanges.
            tokio::task::yield_now().await;
            match self.call_request(index, parts).await? {
                (on_request::Verdict::Again, more) => arrivals = more,
                (verdict, _) => return Ok(verdict),
            }
        }
        let what = format!("it asked {MOST_CALLS} times to be called again");
        Err(FailureKind::Failed(what.into()))
    }
}
