//! The upstreams of fresh files, and those that other settings change.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Build;
use crate::{
    config::{problem::Problem, raw::RouteFile},
    pipeline::upstream::{self, Origin},
    snapshot::{
        KnownUpstream, Place, Settings, SourceFile,
        unit::{Step, Unit},
    },
};

impl Build<'_> {
    pub(super) fn upstreams(&mut self, steps: &[Step<'_>]) {
        let gone = || steps.iter().filter_map(Step::old);
        for name in gone().flat_map(|unit| unit.raw.upstreams.keys()) {
            self.upstreams.remove(name);
        }
        for source in steps.iter().filter_map(Step::fresh) {
            self.declare_upstreams(source);
        }
        for name in gone().flat_map(|unit| unit.raw.upstreams.keys()) {
            if self.upstreams.get(name).is_none() {
                self.changes.upstreams.insert(name.as_str().into());
            }
        }
        let connect = |settings: &Settings| settings.timeouts.connect;
        if self
            .previous
            .is_some_and(|it| connect(&it.settings) != connect(&self.settings))
        {
            for step in steps {
                if let Step::Kept(unit) = step {
                    self.update_upstreams(unit);
                }
            }
        }
    }

    fn declare_upstreams(&mut self, source: &SourceFile) {
        for (name, written) in &source.raw.upstreams {
            if let Some(other) = self.upstreams.get(name) {
                let message = format!("two upstreams are called `{name}`");
                let problem = Problem::error(&source.path, written.span, message)
                    .hint("names are shared by all files of the folder: rename one")
                    .related(&other.place.file, other.place.span, "the other one");
                self.problems.push(problem);
                continue;
            }
            if let Some(upstream) = self.compile_upstream(name, &source.path, &source.raw) {
                let place = Place {
                    file: Arc::clone(&source.path),
                    span: written.span,
                };
                let known = KnownUpstream::new(name, upstream, place);
                self.upstreams.insert(known);
            }
        }
    }

    /// For a file that is the same, under other settings.
    fn update_upstreams(&mut self, unit: &Unit) {
        for name in unit.raw.upstreams.keys() {
            if let Some(upstream) = self.compile_upstream(name, &unit.path, &unit.raw) {
                self.upstreams.replace(name, upstream);
            }
        }
    }

    fn compile_upstream(
        &mut self,
        name: &str,
        file: &Arc<PathBuf>,
        raw: &RouteFile,
    ) -> Option<Arc<upstream::Upstream>> {
        let gateway = &self.inputs.gateway;
        let base = gateway.path.parent().unwrap_or(Path::new(""));
        let origin = Origin { file, base };
        let before = self.previous.and_then(|it| it.upstreams.get(name));
        let before = before.map(|known| &known.upstream);
        let written = raw.upstreams.get(name)?;
        match upstream::compile(name, written, &gateway.raw.timeouts, &origin, before) {
            Ok(upstream) => {
                if before.is_some_and(|before| !Arc::ptr_eq(before, &upstream)) {
                    self.changes.upstreams.insert(Arc::clone(&upstream.name));
                }
                Some(upstream)
            }
            Err(problems) => {
                self.broken.insert(name.into());
                self.problems.extend(problems);
                None
            }
        }
    }
}
