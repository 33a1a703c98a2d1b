//! The `tests:` of route files: requests, and the routes that must answer them.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use super::{Route, probe::Probe};
use crate::{
    config::{problem::Problem, raw::RouteFile, raw::RouteTest, span::Span},
    pipeline::route::{HostPattern, Report, Table},
};

/// What is written in a test when no route may answer.
pub(super) const NONE: &str = "none";

/// One test, ready to run.
#[derive(Clone, Debug)]
pub(super) struct Test {
    probe: Probe,
    /// As written.
    request: Box<str>,
    /// None: no route may answer.
    route: Option<Box<str>>,
    span: Span,
}

/// Reads the tests of a file; what cannot be read is reported.
pub(super) fn read(file: &RouteFile, report: &mut Report<'_>) -> Arc<[Test]> {
    file.tests
        .iter()
        .filter_map(|test| read_one(test, report))
        .collect()
}

fn read_one(test: &RouteTest, report: &mut Report<'_>) -> Option<Test> {
    let probe = report.check(&test.request, |text| {
        let (method, url) = text.split_once(' ').unwrap_or(("", text));
        let headers = test.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        Probe::parse(method, url.trim(), headers)
    })?;
    Some(Test {
        probe,
        request: test.request.as_str().into(),
        route: Some(test.route.as_str())
            .filter(|name| *name != NONE)
            .map(Box::from),
        span: test.route.span,
    })
}

/// Hosts whose rules are others than before.
#[derive(Debug, Default)]
pub(super) struct Touched {
    exact: HashSet<Arc<str>>,
    broad: HashSet<HostPattern>,
}

impl Touched {
    pub(super) fn add(&mut self, host: &HostPattern) {
        match host {
            HostPattern::Exact(name) if !self.exact.contains(name) => {
                self.exact.insert(Arc::clone(name));
            }
            HostPattern::Exact(_) => {}
            broad if !self.broad.contains(broad) => {
                self.broad.insert(broad.clone());
            }
            _ => {}
        }
    }

    /// Whether requests to `host` may be answered otherwise than before.
    fn concerns(&self, host: &str) -> bool {
        self.exact.contains(host) || self.broad.iter().any(|broad| broad.matches(host))
    }
}

impl Test {
    pub(super) fn is_touched(&self, touched: &Touched) -> bool {
        touched.concerns(self.probe.view().host)
    }

    /// None when the right route answers.
    pub(super) fn run(&self, table: &Table<Route>, file: &Arc<PathBuf>) -> Option<Problem> {
        let found = table.find(&self.probe.view()).ok();
        let route = found.as_ref().map(|found| table.get(found.index));
        if route.map(|route| &*route.name) == self.route.as_deref() {
            return None;
        }
        let message = match (&route, &self.route) {
            (Some(route), Some(expected)) => format!(
                "`{}` is answered by the route `{}`, not by `{expected}`",
                self.request, route.name
            ),
            (Some(route), None) => format!(
                "`{}` is answered by the route `{}`; no route may answer it",
                self.request, route.name
            ),
            (None, _) => format!("`{}` is answered by no route", self.request),
        };
        let hint = format!("`witgate explain {}` says why", self.request);
        let problem = Problem::error(file, self.span, message).hint(hint);
        Some(match route {
            Some(route) => problem.related(
                &route.place.file,
                route.place.span,
                format!("the route `{}`", route.name),
            ),
            None => problem,
        })
    }
}
