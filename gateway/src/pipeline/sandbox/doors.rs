//! The gates of a chain, as exchanges of one route come to them.

use std::{borrow::Cow, sync::Arc};

use super::{
    capabilities::gates::{Definition, Fallback, Passed},
    summary::Summary,
};
use crate::pipeline::{
    context::LocalResponse,
    gate::{self, Cell, Gate, Gates, Quiet, Refusal, Refused, Scope, Span, Values},
    identity::Identity,
};

/// One gate of one link.
#[derive(Clone, Debug)]
pub(super) struct Door {
    /// By the order in which the configuration opened them.
    pub(super) number: usize,
    gate: Arc<Gate>,
    cells: Cells,
    pub(super) otherwise: Otherwise,
    quietly: Option<Box<Quietly>>,
}

/// What is counted without the plugin.
#[derive(Clone, Debug)]
struct Quietly {
    what: Quiet,
    /// All windows of the gate.
    windows: Box<[Span]>,
}

/// Where an exchange finds its cell.
#[derive(Clone, Debug)]
enum Cells {
    One(Arc<Cell>),
    /// In the order of the upstream's endpoints.
    OfEndpoints(Box<[Arc<Cell>]>),
    /// Who asks tells them apart.
    Many(Place),
}

/// What of a cell's name a route knows.
#[derive(Clone, Debug)]
struct Place {
    route: Arc<str>,
    upstream: Arc<str>,
    endpoints: Box<[Arc<str>]>,
}

/// What becomes of an exchange that does not pass.
#[derive(Clone, Debug)]
pub(super) enum Otherwise {
    Unavailable,
    Reply(Box<LocalResponse>),
    /// It goes to another upstream: which one of the route's.
    Upstream(usize),
}

/// What a route says of itself to the gates of its chain.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The upstream that it forwards to, and the URLs of the endpoints.
    pub upstream: Option<(&'a Arc<str>, &'a [Arc<str>])>,
}

/// Why a gate does not fit a route.
#[derive(Debug, thiserror::Error)]
pub(super) enum Misfit {
    #[error(
        "the gate `{0}` has the scope `{1}`, and this route has no upstream; write a scope without `upstream` and \
         `endpoint`, or forward with `to`"
    )]
    NoUpstream(Box<str>, Scope),
    #[error("the gate `{0}` has as many cells as it may")]
    NoRoom(Box<str>),
}

impl Door {
    /// `upstream` finds a fallback among the route's.
    pub(super) fn new(
        gates: &Gates,
        plugin: &Arc<str>,
        (number, definition): (usize, &Definition),
        (route, site): (&Arc<str>, Site<'_>),
        otherwise: Otherwise,
    ) -> Result<Self, Misfit> {
        let Definition { name, scope, .. } = definition;
        if site.upstream.is_none() && scope.needs_upstream() {
            return Err(Misfit::NoUpstream(name.clone(), scope.clone()));
        }
        let gate = gates.gate(plugin, name, scope);
        let (upstream, endpoints) = site.upstream.unzip();
        let place = Place {
            route: Arc::clone(route),
            upstream: upstream.cloned().unwrap_or_default(),
            endpoints: endpoints.unwrap_or_default().into(),
        };
        let cell = |endpoint: Option<usize>| {
            let name = place.name(scope, endpoint, None);
            let cell = gate.cell(&name);
            cell.ok_or_else(|| Misfit::NoRoom(definition.name.clone()))
        };
        let cells = if scope.has_identity() {
            Cells::Many(place)
        } else if scope.has_endpoint() {
            let cells = (0..place.endpoints.len()).map(|endpoint| cell(Some(endpoint)));
            Cells::OfEndpoints(cells.collect::<Result<_, _>>()?)
        } else {
            Cells::One(cell(None)?)
        };
        Ok(Self {
            number,
            gate,
            cells,
            otherwise,
            quietly: definition.quiet.clone().map(|what| {
                let windows = definition.windows.as_slice().into();
                Box::new(Quietly { what, windows })
            }),
        })
    }

    /// Counts the whole answer that an exchange got which this let pass. False: the plugin has to be told of it.
    pub(super) fn count(&self, passed: &mut Passed, summary: &Summary) -> bool {
        let Some(quietly) = &self.quietly else {
            return false;
        };
        let &Summary {
            status,
            grpc_status,
            time_to_head,
            ..
        } = summary;
        passed.failed.is_none()
            && quietly.what.has(status, grpc_status, time_to_head)
            && passed.pass.record_success(&quietly.windows, gate::now)
    }

    /// That it does not let an exchange pass.
    pub(super) fn refusal(&self, refused: Refused) -> Refusal {
        Refusal::new(&self.gate, refused)
    }

    /// Whether it is asked when an endpoint is chosen.
    pub(super) fn is_of_endpoints(&self) -> bool {
        self.gate.scope.has_endpoint()
    }

    /// The cell of an exchange. None when there is no room for one: then it goes on without.
    pub(super) fn cell(
        &self,
        endpoint: Option<usize>,
        identity: Option<&Identity>,
        find: impl FnOnce(&Gate, &str) -> Option<Arc<Cell>>,
    ) -> Option<Cow<'_, Arc<Cell>>> {
        match &self.cells {
            Cells::One(cell) => Some(Cow::Borrowed(cell)),
            Cells::OfEndpoints(cells) => cells.get(endpoint?).map(Cow::Borrowed),
            Cells::Many(place) => {
                let name = place.name(&self.gate.scope, endpoint, identity);
                let cell = find(&self.gate, &name);
                if cell.is_none() {
                    self.gate.count_unguarded();
                }
                cell.map(Cow::Owned)
            }
        }
    }
}

impl Place {
    fn name(&self, scope: &Scope, endpoint: Option<usize>, identity: Option<&Identity>) -> String {
        let endpoint = endpoint.and_then(|endpoint| self.endpoints.get(endpoint));
        let values = Values {
            route: &self.route,
            upstream: &self.upstream,
            endpoint: endpoint.map_or("", |endpoint| endpoint),
            identity,
        };
        let mut name = String::new();
        scope.write_name(&values, &mut name);
        name
    }
}

impl Otherwise {
    /// `upstream` finds one of the route's; none when there is no such upstream.
    pub(super) fn new(
        fallback: &Fallback,
        upstream: impl FnOnce(&str) -> Option<usize>,
    ) -> Option<Self> {
        Some(match fallback {
            Fallback::Unavailable => Self::Unavailable,
            Fallback::Reply(reply) => Self::Reply(reply.clone()),
            Fallback::Upstream { name, .. } => Self::Upstream(upstream(name)?),
        })
    }
}
