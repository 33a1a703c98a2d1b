//! A chain comes to stand on its route: only there is it known which cells its gates have.

use std::{path::PathBuf, sync::Arc};

use super::{
    capabilities::gates::{Definition, Fallback},
    chain::{Chain, Link, Links},
    doors::{Door, Otherwise, Site},
};
use crate::config::{
    problem::Problem,
    raw,
    span::{Span, Spanned},
};

impl Chain {
    /// The same chain with its gates. `upstream` finds a fallback and gives it a number; it tells by itself when there is
    /// no such upstream.
    ///
    /// # Errors
    /// When a gate does not fit the route, or has no fallback.
    pub fn bind(
        &self,
        uses: &[Spanned<raw::PluginUse>],
        site: Site<'_>,
        file: &Arc<PathBuf>,
        mut upstream: impl FnMut(&Spanned<String>) -> Option<usize>,
    ) -> Result<Self, Vec<Problem>> {
        let has_gates = |links: &&Arc<Links>| links.links.iter().any(Link::has_gates);
        let Some(links) = self.0.as_ref().filter(has_gates) else {
            return Ok(self.clone());
        };
        let mut problems = Vec::new();
        let (mut bound, mut complete) = (Vec::with_capacity(links.links.len()), true);
        for (link, wanted) in links.links.iter().zip(uses) {
            let mut doors = Vec::with_capacity(link.settings.gates.len());
            for definition in link.settings.gates.iter().enumerate() {
                let place = |pointer: &str| locate(wanted, pointer);
                let otherwise = Otherwise::new(&definition.1.fallback, |name| {
                    upstream(&Spanned::new(name.to_owned(), place(pointer(definition.1))))
                });
                let Some(otherwise) = otherwise else {
                    complete = false;
                    continue;
                };
                let (plugin, gates) = (&link.plugin.name, link.plugin.gates());
                match Door::new(gates, plugin, definition, (&links.route, site), otherwise) {
                    Ok(door) => doors.push(door),
                    Err(misfit) => {
                        let message = format!("plugin `{plugin}`: {misfit}");
                        problems.push(Problem::error(file, place(""), message));
                    }
                }
            }
            bound.push(Link {
                doors: doors.into(),
                ..link.clone()
            });
        }
        if !problems.is_empty() || !complete {
            return Err(problems);
        }
        let mut doors = bound.iter().flat_map(|link| &link.doors);
        let has_endpoint_doors = doors.any(Door::is_of_endpoints);
        Ok(Self(Some(Arc::new(Links {
            route: Arc::clone(&links.route),
            links: bound.into(),
            phases: links.phases,
            has_endpoint_doors,
            waiting: links.waiting.clone(),
        }))))
    }
}

impl Link {
    fn has_gates(&self) -> bool {
        !self.settings.gates.is_empty()
    }
}

fn pointer(definition: &Definition) -> &str {
    match &definition.fallback {
        Fallback::Upstream { pointer, .. } => pointer,
        Fallback::Unavailable | Fallback::Reply(_) => "",
    }
}

fn locate(wanted: &raw::PluginUse, pointer: &str) -> Span {
    let span = wanted.config.locate(pointer);
    if span.line == 0 {
        wanted.name.span
    } else {
        span
    }
}
