//! The gates of a route's chain, and the upstreams that they may send requests to.

use std::sync::Arc;

use super::{Action, Draft, Surroundings, find_upstream, split_hint};
use crate::pipeline::{
    route::{Report, Wanted},
    sandbox::{Chain, Site},
    upstream::Upstream,
};

impl Draft<'_> {
    /// Gives the chain its gates, and finds the upstreams that they may send requests to.
    pub(super) fn bind(
        &self,
        chain: &Chain,
        action: Option<&(Action, Wanted)>,
        around: &Surroundings<'_>,
        report: &mut Report<'_>,
    ) -> Option<(Chain, Box<[Arc<Upstream>]>)> {
        let written = &self.file.routes[self.position];
        let upstream = match action {
            Some((Action::Forward { upstream, .. }, _)) => Some(upstream),
            // What is wrong with it is said already.
            None => return None,
            Some(_) => None,
        };
        let endpoints = upstream.map_or(&[][..], |upstream| &upstream.endpoints);
        let endpoints: Vec<_> = endpoints.iter().map(|it| Arc::clone(&it.url)).collect();
        let site = Site {
            upstream: upstream.map(|upstream| (&upstream.name, &*endpoints)),
        };
        let mut fallbacks = Vec::new();
        let file = Arc::clone(report.file());
        let bound = chain.bind(&written.plugins, site, &file, |name| {
            if upstream.is_none() {
                let message = format!("the route `{}` does not forward requests", self.name);
                report.error(
                    name.span,
                    message,
                    "take the fallback out, or forward with `to`",
                );
                return None;
            }
            fallbacks.push(find_upstream(name, around, report)?);
            Some(fallbacks.len() - 1)
        });
        match bound {
            Ok(chain) => Some((chain, fallbacks.into())),
            Err(problems) => {
                report.extend(problems.into_iter().map(split_hint));
                None
            }
        }
    }
}
