//! What the gateway would do with a request, and why.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Action, KnownUpstream, Probe, Route, Snapshot, mask::mask};
use crate::{
    config::problem::closest,
    pipeline::route::{
        Found, NoRoute, Rule, Unmet,
        explain::{Loser, Why, survey},
        precedence::Criterion,
        redirect::RedirectView,
    },
};

/// How many losers are listed.
const NEAR: usize = 10;

/// What the gateway would do with a request, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    pub generation: u64,
    pub request: Asked,
    /// The route that answers.
    pub route: Option<Winner>,
    /// What is answered when there is no route.
    pub error: Option<Refusal>,
    /// The rules that came near, the nearest first.
    pub others: Vec<Other>,
    /// How many more rules did not answer.
    pub more: usize,
}

/// The request, as routing sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    pub method: String,
    pub host: String,
    pub path: String,
    pub query: Option<String>,
}

/// The route that answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Winner {
    pub name: String,
    pub file: String,
    pub line: u32,
    /// The match that did it.
    pub rule: String,
    pub variables: BTreeMap<String, String>,
    pub plugins: Vec<PluginRun>,
    /// In the order in which they are asked: those by the identity after the plugins, the others before them.
    pub rate_limits: Vec<LimitAsked>,
    /// Whose pages may ask (`cors`), as written.
    pub allow_origins: Vec<String>,
    /// How often the request may be sent again.
    pub retries: Option<u8>,
    pub action: Destination,
}

/// A rate limit of the route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitAsked {
    pub name: String,
    /// As it could be written.
    pub allows: String,
}

/// A plugin that would run, in this order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PluginRun {
    pub name: String,
    /// As written; secrets are masked.
    pub config: Value,
    /// What it would do with the request, in its own words; secrets are masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<Value>,
    /// Why it cannot say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Why there is no OpenAPI document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDocument {
    #[error("no route is called `{0}`{1}")]
    NoRoute(String, String),
    #[error(
        "no plugin on the route `{0}` describes an API: one with `openapi` does, as grpc-json-transcoder"
    )]
    NoApi(String),
    #[error("the route `{route}` waits: plugin `{plugin}` has no descriptors yet ({why})")]
    Waits {
        route: String,
        plugin: String,
        why: String,
    },
    #[error("plugin `{0}` does not describe its API: {1}")]
    Broken(String, String),
}

/// Where the request would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    Forward {
        upstream: String,
        endpoints: Vec<String>,
        /// What the upstream sees; none: the client's.
        host: Option<String>,
        /// Path and query that the upstream sees.
        path: String,
    },
    Redirect {
        status: u16,
        location: String,
    },
    Respond {
        status: u16,
    },
    /// The parts of the path make no path: 400.
    BadPath,
}

/// Why no route answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub status: u16,
    /// With 405.
    pub allow: Option<String>,
}

/// A rule that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    pub route: String,
    pub file: String,
    pub line: u32,
    pub rule: String,
    pub why: String,
}

impl Snapshot {
    pub fn explain(&self, probe: &Probe) -> Explanation {
        let view = probe.view();
        let survey = survey(&self.table, &view, NEAR);
        let found = self.table.find(&view);
        let error = found.as_ref().err().map(refusal);
        let route = match (&found, survey.winner) {
            (Ok(found), Some(rule)) => Some(self.winner(found, rule, probe)),
            _ => None,
        };
        Explanation {
            generation: self.generation,
            request: Asked {
                method: view.method.to_string(),
                host: view.host.into(),
                path: view.path.into(),
                query: probe.query.clone(),
            },
            route,
            error,
            others: survey
                .losers
                .iter()
                .filter_map(|loser| self.other(loser, probe))
                .collect(),
            more: survey.more,
        }
    }

    /// The API that clients see on a route, as an OpenAPI document.
    ///
    /// # Errors
    /// When there is no such route, or none of its plugins has a document.
    pub fn openapi(&self, name: &str) -> Result<Value, NoDocument> {
        let routes = || self.table.routes();
        let Some(route) = routes().find(|route| *route.name == *name) else {
            let names = routes().map(|route| &*route.name);
            let hint = closest(name, names).map(|it| format!("; did you mean `{it}`?"));
            return Err(NoDocument::NoRoute(name.into(), hint.unwrap_or_default()));
        };
        if let Some((plugin, why)) = route.chain.waits() {
            return Err(NoDocument::Waits {
                route: name.into(),
                plugin: plugin.into(),
                why: why.into(),
            });
        }
        match route.chain.openapi() {
            Some((_, Ok(document))) => Ok(document),
            Some((plugin, Err(error))) => Err(NoDocument::Broken(plugin.into(), error)),
            None => Err(NoDocument::NoApi(name.into())),
        }
    }

    fn winner(&self, found: &Found, rule: &Rule, probe: &Probe) -> Winner {
        let route = self.table.get(found.index);
        let limits = route.limits.iter().flat_map(|limits| limits.limits());
        let cors = route.written().cors.iter();
        let origins = cors.flat_map(|cors| cors.value.allow_origins.0.iter());
        Winner {
            name: route.name.to_string(),
            file: route.place.file.display().to_string(),
            line: route.place.span.line,
            rule: rule.to_string(),
            variables: rule.path.values(&probe.path),
            plugins: plugins(route, probe),
            rate_limits: limits
                .map(|limit| LimitAsked {
                    name: limit.name.to_string(),
                    allows: limit.definition.to_string(),
                })
                .collect(),
            allow_origins: origins.map(|origin| origin.value.clone()).collect(),
            retries: route.retry.as_ref().map(|retry| retry.attempts()),
            action: self.destination(route, found, probe),
        }
    }

    fn destination(&self, route: &Route, found: &Found, probe: &Probe) -> Destination {
        let (path, query) = (probe.path.as_str(), probe.query.as_deref());
        match &route.action {
            Action::Respond(respond) => Destination::Respond {
                status: respond.status().as_u16(),
            },
            Action::Redirect(redirect) => {
                let view = RedirectView {
                    secure: probe.secure,
                    authority: &probe.authority,
                    path,
                    query,
                };
                match redirect.location(&view, &found.captures) {
                    Ok(location) => Destination::Redirect {
                        status: redirect.status().as_u16(),
                        location,
                    },
                    Err(_) => Destination::BadPath,
                }
            }
            Action::Forward { upstream, rewrite } => {
                let Ok(new) = rewrite.path_and_query(path, query, &found.captures) else {
                    return Destination::BadPath;
                };
                let same = || match query {
                    Some(query) => format!("{path}?{query}"),
                    None => path.to_owned(),
                };
                let known = self.upstreams.get(&upstream.name);
                let endpoints = known.into_iter().flat_map(KnownUpstream::endpoints);
                Destination::Forward {
                    upstream: upstream.name.to_string(),
                    endpoints: endpoints.map(String::from).collect(),
                    host: rewrite.authority().map(ToString::to_string),
                    path: new.map_or_else(same, |new| new.to_string()),
                }
            }
        }
    }

    fn other(&self, loser: &Loser<'_>, probe: &Probe) -> Option<Other> {
        let route = self.table.route(loser.rule.route)?;
        Some(Other {
            route: route.name.to_string(),
            file: route.place.file.display().to_string(),
            line: route.place.span.line,
            rule: loser.rule.to_string(),
            why: why(loser, probe),
        })
    }
}

fn refusal(none: &NoRoute) -> Refusal {
    match none {
        NoRoute::NotFound => Refusal {
            status: 404,
            allow: None,
        },
        NoRoute::MethodNotAllowed { allow } => Refusal {
            status: 405,
            allow: allow.to_str().ok().map(String::from),
        },
    }
}

fn plugins(route: &Route, probe: &Probe) -> Vec<PluginRun> {
    // A chain that waits for something says nothing.
    let mut answers = route.chain.explain(&probe.asked()).into_iter();
    let run = |written: &crate::config::raw::PluginUse| {
        let mut config = serde_json::from_str(&written.config.to_json()).unwrap_or_default();
        mask(&mut config);
        let (says, error) = match answers.next().flatten() {
            Some(Ok(mut says)) => {
                mask(&mut says);
                (Some(says), None)
            }
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        PluginRun {
            name: written.name.value.clone(),
            config,
            says,
            error,
        }
    };
    let plugins = &route.written().plugins;
    plugins
        .iter()
        .map(|written| &written.value)
        .map(run)
        .collect()
}

fn why(loser: &Loser<'_>, probe: &Probe) -> String {
    let rule = loser.rule;
    match loser.why {
        Why::Unmet(Unmet::Host) => format!("it is for the host `{}`", rule.host),
        Why::Unmet(Unmet::Path) => format!("`{}` does not match the path", rule.path),
        Why::Unmet(Unmet::Method) => format!("it is for {}, not {}", rule.methods(), probe.method),
        Why::Unmet(Unmet::Header(test)) => format!("the header condition `{test}` does not hold"),
        Why::Unmet(Unmet::Query(test)) => format!("the query condition `{test}` does not hold"),
        Why::SameRoute => String::from("it matches too, and belongs to the same route"),
        Why::Later(criterion) => {
            let what = match criterion {
                Criterion::Host => "the other host is more specific",
                Criterion::Path => "the other path is more specific",
                Criterion::Method => "the other names a method",
                Criterion::Headers => "the other has more header conditions",
                Criterion::Query => "the other has more query conditions",
            };
            format!("it matches too, but {what}")
        }
    }
}
