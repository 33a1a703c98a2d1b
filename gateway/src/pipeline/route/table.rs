//! All rules of all hosts.

use std::{ops::ControlFlow, sync::Arc};

use http::HeaderValue;

use super::{
    host::HostPattern,
    host_table::HostTable,
    pattern::Captures,
    precedence::compare_listed,
    rule::{RequestView, Rule},
    shared::{CowMap, CowVec},
};

/// Which route answers a request. `R` is what is known about a route.
///
/// A clone costs a few pointers for every thousand rules, and shares the rest.
#[derive(Debug)]
pub struct Table<R> {
    hosts: CowMap<Arc<HostTable>>,
    /// How many of `hosts` are wildcards.
    wildcards: usize,
    any: Option<Arc<HostTable>>,
    routes: CowVec<Arc<R>>,
}

/// A route in the table that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteIndex(u32);

impl RouteIndex {
    pub(super) fn of(rule: &Rule) -> Self {
        Self(rule.route)
    }
}

/// The route that answers, and what its action needs of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub index: RouteIndex,
    pub captures: Captures,
}

/// Why no route answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// 404
    NotFound,
    /// 405: there are routes, for these methods (the value of `allow`).
    MethodNotAllowed { allow: HeaderValue },
}

/// Two rules of different routes that one request could match, and that are of equal rank.
#[derive(Clone, Debug)]
pub struct Conflict {
    pub new: Arc<Rule>,
    pub old: Arc<Rule>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self {
            hosts: CowMap::default(),
            wildcards: 0,
            any: None,
            routes: CowVec::default(),
        }
    }
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self {
            hosts: self.hosts.clone(),
            wildcards: self.wildcards,
            any: self.any.clone(),
            routes: self.routes.clone(),
        }
    }
}

impl<R> Table<R> {
    /// The first rule in precedence that accepts the request.
    pub fn find(&self, view: &RequestView<'_>) -> Result<Found, NoRoute> {
        let hit = self.visit(view.host, view.path, &mut |rule| {
            if rule.accepts(view) {
                return ControlFlow::Break(rule);
            }
            ControlFlow::Continue(())
        });
        match hit {
            ControlFlow::Break(rule) => Ok(Found {
                index: RouteIndex::of(rule),
                captures: Captures::of(view.path, &rule.path, &rule.captures),
            }),
            ControlFlow::Continue(()) => Err(self.why_none(view)),
        }
    }

    /// The route of an index that this table gave.
    pub fn get(&self, index: RouteIndex) -> &Arc<R> {
        self.routes
            .get(index.0 as usize)
            .expect("an index is used with the table that gave it")
    }

    /// The route with this id.
    pub fn route(&self, id: u32) -> Option<&Arc<R>> {
        self.routes.get(id as usize)
    }

    /// In no particular order.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<R>> {
        self.routes.iter()
    }

    /// Every rule, in the order of matching; rules of equal rank by their text.
    pub fn rules(&self) -> Vec<&Arc<Rule>> {
        let mut rules = Vec::new();
        for host in self.hosts.iter().chain(&self.any) {
            host.for_each(&mut |rule| rules.push(rule));
        }
        rules.sort_by_cached_key(|rule| rule.to_string());
        rules.sort_by(|a, b| compare_listed(a, b));
        rules
    }

    /// Visits the rules whose host and path match, in order of precedence.
    pub fn visit<'t, B>(
        &'t self,
        host: &str,
        path: &str,
        visitor: &mut impl FnMut(&'t Rule) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if !host.starts_with('.')
            && let Some(table) = self.hosts.get(host)
        {
            table.visit(path, visitor)?;
        }
        if self.wildcards > 0 {
            for (dot, _) in host.match_indices('.').filter(|(at, _)| *at > 0) {
                if let Some(table) = self.hosts.get(&host[dot..]) {
                    table.visit(path, visitor)?;
                }
            }
        }
        match &self.any {
            Some(table) => table.visit(path, visitor),
            None => ControlFlow::Continue(()),
        }
    }

    fn why_none(&self, view: &RequestView<'_>) -> NoRoute {
        let mut methods = Vec::new();
        let _ = self.visit::<()>(view.host, view.path, &mut |rule| {
            if rule.accepts_fields(view) {
                methods.extend(rule.methods.iter().map(http::Method::as_str));
            }
            ControlFlow::Continue(())
        });
        methods.sort_unstable();
        methods.dedup();
        match HeaderValue::try_from(methods.join(", ")) {
            Ok(allow) if !methods.is_empty() => NoRoute::MethodNotAllowed { allow },
            _ => NoRoute::NotFound,
        }
    }

    /// Puts a route in, or another in its place, without its rules. The id is that of its rules.
    pub fn set(&mut self, id: u32, route: Option<Arc<R>>) {
        self.routes.set(id as usize, route);
    }

    pub fn insert(&mut self, rule: Arc<Rule>) -> Result<(), Conflict> {
        let old = self.host_mut(&rule.host).insert(Arc::clone(&rule));
        match old {
            Some(old) => Err(Conflict { new: rule, old }),
            None => Ok(()),
        }
    }

    pub fn remove(&mut self, rule: &Arc<Rule>) {
        let table = self.host_mut(&rule.host);
        table.remove(rule);
        if !table.is_empty() {
            return;
        }
        match &rule.host {
            HostPattern::Any => self.any = None,
            host => {
                self.hosts.remove(host.key());
                self.wildcards -= usize::from(matches!(host, HostPattern::Wildcard(_)));
            }
        }
    }

    fn host_mut(&mut self, host: &HostPattern) -> &mut HostTable {
        let new = || Arc::new(HostTable::new(host.clone()));
        let table = match host {
            HostPattern::Any => self.any.get_or_insert_with(new),
            _ => {
                if self.hosts.get(host.key()).is_none() {
                    self.hosts.insert(new());
                    self.wildcards += usize::from(matches!(host, HostPattern::Wildcard(_)));
                }
                let table = self.hosts.get_mut(host.key());
                table.expect("it was put in where it was missing")
            }
        };
        Arc::make_mut(table)
    }
}
