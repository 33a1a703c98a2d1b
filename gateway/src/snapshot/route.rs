//! One route, ready to serve.

mod gates;

use std::{collections::HashSet, fmt, path::PathBuf, sync::Arc, time::Duration};

use super::{KnownUpstream, Settings, Upstreams};
use crate::{
    config::{
        problem::{Problem, closest},
        raw::{self, RouteFile},
        span::{Span, Spanned},
    },
    pipeline::{
        limit::{Around, RouteLimits},
        limiter::Limiters,
        route::{
            HeaderEdit, Redirect, Report, Respond, Rewrite, Rule, Wanted, compile_matches,
            cors::Cors, rewrite::refuse_without_upstream,
        },
        sandbox::{Chain, Installed},
        upstream::{Retry, Upstream},
    },
};

/// One route, ready to serve.
#[derive(Debug)]
pub struct Route {
    pub name: Arc<str>,
    /// Small, and the name's own for as long as the process lives.
    pub id: u32,
    pub place: Place,
    pub action: Action,
    pub chain: Chain,
    /// Edits of the request, before the upstream sees it.
    pub request_headers: HeaderEdit,
    /// Edits of the response, before the client sees it.
    pub response_headers: HeaderEdit,
    /// From the request's head until the response's head.
    pub request_timeout: Duration,
    /// A body or upgraded stream without a byte.
    pub idle_timeout: Duration,
    /// Bytes of a request's body.
    pub body_limit: Option<u64>,
    pub cors: Option<Box<Cors>>,
    pub retry: Option<Box<Retry>>,
    /// Upstreams that gates of the chain send requests to instead.
    pub fallbacks: Box<[Arc<Upstream>]>,
    pub limits: Option<Box<RouteLimits>>,
    file: Arc<RouteFile>,
    /// In `file`.
    position: usize,
}

/// What a route does with a request.
#[derive(Debug)]
pub enum Action {
    Forward {
        upstream: Arc<Upstream>,
        rewrite: Rewrite,
    },
    Redirect(Redirect),
    Respond(Respond),
}

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<PathBuf>,
    pub span: Span,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.span.line)
    }
}

impl Route {
    /// As it was written.
    pub fn written(&self) -> &raw::Route {
        &self.file.routes[self.position]
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Every upstream that it may forward to.
    pub(super) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstream().into_iter().chain(&self.fallbacks)
    }

    pub fn upstream(&self) -> Option<&Arc<Upstream>> {
        match &self.action {
            Action::Forward { upstream, .. } => Some(upstream),
            Action::Redirect(_) | Action::Respond(_) => None,
        }
    }
}

/// What routes are compiled against.
pub(super) struct Surroundings<'a> {
    pub(super) upstreams: &'a Upstreams,
    /// Those of the previous snapshot.
    pub(super) before: Option<&'a Upstreams>,
    /// Names of upstreams whose problems are reported already.
    pub(super) broken: &'a HashSet<Box<str>>,
    pub(super) installed: Installed<'a>,
    pub(super) settings: &'a Settings,
    pub(super) limiters: &'a Limiters,
}

/// One route of a file, before it is compiled.
pub(super) struct Draft<'a> {
    pub(super) file: &'a Arc<RouteFile>,
    pub(super) position: usize,
    pub(super) name: Arc<str>,
    pub(super) id: u32,
    /// That of the same route in the same file, when its plugins are the same.
    pub(super) chain: Option<Chain>,
}

impl Draft<'_> {
    /// None, and problems, when it cannot serve.
    pub(super) fn compile(
        self,
        around: &Surroundings<'_>,
        report: &mut Report<'_>,
    ) -> Option<(Route, Vec<Rule>)> {
        let before = report.len();
        let written = &self.file.routes[self.position];
        let action = compile_action(written, around, report);
        let wanted = action
            .as_ref()
            .map_or(&Wanted::Nothing, |(_, wanted)| wanted);
        let rules = compile_matches(&written.matches, self.id, wanted, report);
        let mut warnings = Vec::new();
        let chain = match &self.chain {
            Some(chain) => Some(chain.clone()),
            None => Chain::compile(
                &self.name,
                &written.plugins,
                &around.installed,
                report.file(),
            )
            .map(|(chain, odd)| {
                warnings = odd;
                chain
            })
            .map_err(|problems| report.extend(problems.into_iter().map(split_hint)))
            .ok(),
        };
        let bound = chain.map(|chain| self.bind(&chain, action.as_ref(), around, report));
        let request_headers = HeaderEdit::compile(&written.headers.request, report);
        let response_headers = HeaderEdit::compile(&written.headers.response, report);
        if !request_headers.is_empty() && written.to.is_none() {
            report.error(
                written.name.span,
                format!("the route `{}` edits requests that go nowhere", self.name),
                "take `headers.request` out, or forward with `to`",
            );
        }
        let cors = written.cors.as_ref();
        let cors = cors.and_then(|cors| Cors::compile(cors, report));
        let retry = written.retry.as_ref();
        let retry = retry.and_then(|retry| compile_retry(written, retry, report));
        let limits = compile_limits(written, around.limiters, report);
        if report.len() > before {
            return None;
        }
        report.extend(warnings.into_iter().map(split_hint));
        let odd = limits.iter().flatten();
        let odd = odd.filter_map(|limits| without_identity(written, limits, report.file()));
        report.extend(odd.collect::<Vec<_>>());
        let timeouts = &written.timeouts;
        let (chain, fallbacks) = bound??;
        let route = Route {
            name: self.name,
            id: self.id,
            place: Place {
                file: Arc::clone(report.file()),
                span: written.name.span,
            },
            action: action?.0,
            chain,
            fallbacks,
            request_headers,
            response_headers,
            request_timeout: timeouts
                .request
                .map_or(around.settings.timeouts.request, |time| time.0),
            idle_timeout: timeouts
                .idle
                .map_or(around.settings.timeouts.idle, |time| time.0),
            body_limit: written
                .limits
                .body
                .map_or(around.settings.limits.body, |size| Some(size.0)),
            cors: cors.map(Box::new),
            retry: retry.map(Box::new),
            limits: limits?.map(Box::new),
            file: Arc::clone(self.file),
            position: self.position,
        };
        Some((route, rules))
    }
}

fn compile_retry(
    route: &raw::Route,
    written: &Spanned<raw::Retry>,
    report: &mut Report<'_>,
) -> Option<Retry> {
    if route.to.is_none() {
        report.error(
            written.key,
            format!(
                "the route `{}` sends nothing that could be sent again",
                route.name.value
            ),
            "take `retry` out, or forward with `to`",
        );
    }
    Retry::compile(written, report.file())
        .map_err(|problems| report.extend(problems))
        .ok()
}

fn compile_limits(
    written: &raw::Route,
    limiters: &Limiters,
    report: &mut Report<'_>,
) -> Option<Option<RouteLimits>> {
    let around = Around {
        route: &written.name,
        limiters,
        file: report.file(),
    };
    RouteLimits::compile(&written.rate_limits, around)
        .map_err(|problems| report.extend(problems))
        .ok()
}

/// A warning, when nothing on the route can tell whom a limit is about.
fn without_identity(
    written: &Spanned<raw::Route>,
    limits: &RouteLimits,
    file: &Arc<PathBuf>,
) -> Option<Problem> {
    let mut limits = limits.limits();
    let limit = limits.find(|limit| limit.definition.needs_identity())?;
    written.plugins.is_empty().then(|| {
        let message = format!(
            "the limit `{}` counts by who asks, and no plugin of the route `{}` finds that out",
            limit.name, written.name.value
        );
        Problem::warning(file, written.name.span, message)
            .hint("add a plugin that authenticates, as `jwt-auth`, or count by something else")
    })
}

/// A plugin has but one text for a problem: by custom, what to write instead follows after a semicolon.
fn split_hint(mut problem: Problem) -> Problem {
    let outside_of_quotes = |at: &usize| {
        problem.message[..*at]
            .matches('`')
            .count()
            .is_multiple_of(2)
    };
    let mut semicolons = problem.message.match_indices("; ").map(|(at, _)| at);
    if problem.hint.is_none()
        && let Some(at) = semicolons.find(outside_of_quotes)
    {
        problem.hint = Some(problem.message[at + 2..].to_owned());
        problem.message.truncate(at);
    }
    problem
}

fn compile_action(
    written: &Spanned<raw::Route>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Option<(Action, Wanted)> {
    if let (Some(rewrite), None) = (&written.rewrite, &written.to) {
        refuse_without_upstream(rewrite, report);
    }
    match (&written.to, &written.redirect, &written.respond) {
        (Some(to), None, None) => {
            let (rewrite, wanted) = match &written.rewrite {
                Some(rewrite) => Rewrite::compile(rewrite, report),
                None => (Rewrite::default(), Wanted::Nothing),
            };
            let upstream = find_upstream(to, around, report)?;
            Some((Action::Forward { upstream, rewrite }, wanted))
        }
        (None, Some(redirect), None) => {
            let (redirect, wanted) = Redirect::compile(redirect, report);
            Some((Action::Redirect(redirect), wanted))
        }
        (None, None, Some(respond)) => {
            let respond = Respond::compile(respond, report);
            Some((Action::Respond(respond), Wanted::Nothing))
        }
        (None, None, None) => {
            report.error(
                written.name.span,
                format!("the route `{}` does nothing", written.name.value),
                "write one of `to: UPSTREAM`, `redirect:` and `respond:`",
            );
            None
        }
        _ => {
            report.error(
                written.name.span,
                format!(
                    "the route `{}` does more than one thing",
                    written.name.value
                ),
                "keep one of `to`, `redirect` and `respond`",
            );
            None
        }
    }
}

fn find_upstream(
    to: &Spanned<String>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Option<Arc<Upstream>> {
    if let Some(known) = around.upstreams.get(to) {
        return Some(Arc::clone(&known.upstream));
    }
    if around.broken.contains(to.as_str()) {
        return None;
    }
    let names = around.upstreams.iter().map(KnownUpstream::name);
    let hint = match closest(to, names) {
        Some(close) => format!("did you mean `{close}`?"),
        None => String::from("declare it under `upstreams:` of any file of the folder"),
    };
    let message = format!("no upstream is called `{}`", to.value);
    let problem = Problem::error(report.file(), to.span, message).hint(hint);
    let before = around.before.and_then(|before| before.get(to));
    report.push(match before {
        Some(known) => problem.related(
            &known.place.file,
            known.place.span,
            "until now it was declared here",
        ),
        None => problem,
    });
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_write_instead_stands_beside_the_caret() {
        let split = |message: &str| {
            let file = Arc::new(PathBuf::from("a.yaml"));
            let problem = split_hint(Problem::error(&file, Span::default(), message));
            (problem.message, problem.hint)
        };
        let own =
            |(message, hint): (&str, Option<&str>)| (message.to_owned(), hint.map(String::from));
        for (message, parts) in [
            (
                "0 admits nobody; write at least 1",
                ("0 admits nobody", Some("write at least 1")),
            ),
            (
                "`a; b` is no field; write one; or none",
                ("`a; b` is no field", Some("write one; or none")),
            ),
            ("`a; b` is no field", ("`a; b` is no field", None)),
            ("wrong;so", ("wrong;so", None)),
        ] {
            assert_eq!(split(message), own(parts));
        }
    }
}
