//! From files to a snapshot.
//!
//! The previous snapshot's maps are cloned, which copies pointers; then what is gone is taken out and what is fresh
//! is put in. Nothing is done for a file that did not change, unless what its routes refer to did.

mod kept;
mod upstreams;

use std::{collections::HashSet, sync::Arc};

use super::{
    Inputs, Place, Route, Settings, Snapshot, SourceFile, Upstreams,
    names::Names,
    route::{Draft, Surroundings},
    tests_of_routes::{self, Touched},
    unit::{Compiled, Step, Unit, steps},
};
use crate::{
    config::{
        problem::{Problem, Severity},
        span::Spanned,
    },
    pipeline::{
        route::{Conflict, Report, Table},
        sandbox::Installed,
    },
};
use kept::Changes;
pub(super) use kept::changed_plugins;

/// Compiles everything that changed since `previous`.
///
/// # Errors
/// Every problem of every file, in the order of files and lines.
pub fn compile(
    inputs: &Inputs,
    previous: Option<&Arc<Snapshot>>,
) -> Result<Snapshot, Vec<Problem>> {
    let previous = previous.map(|snapshot| &**snapshot);
    let units = previous.map_or(&[][..], |snapshot| &snapshot.units);
    let steps = steps(&inputs.sources, units);
    let mut build = Build::new(inputs, previous);
    build.upstreams(&steps);
    build.routes(&steps);
    if build.problems.is_empty() {
        build.run_tests(&steps);
    }
    build.finish()
}

struct Build<'a> {
    inputs: &'a Inputs,
    previous: Option<&'a Snapshot>,
    settings: Settings,
    table: Table<Route>,
    upstreams: Upstreams,
    names: Names,
    units: Vec<Arc<Unit>>,
    changes: Changes,
    /// Names of upstreams that have problems; these are reported once.
    broken: HashSet<Box<str>>,
    touched: Touched,
    problems: Vec<Problem>,
}

impl<'a> Build<'a> {
    fn new(inputs: &'a Inputs, previous: Option<&'a Snapshot>) -> Self {
        let mut report = Report::new(&inputs.gateway.path);
        let settings = Settings::compile(&inputs.gateway, &mut report);
        let changes = previous
            .map(|it| Changes::between(it, inputs, &settings))
            .unwrap_or_default();
        Self {
            inputs,
            previous,
            settings,
            table: previous.map(|it| it.table.clone()).unwrap_or_default(),
            upstreams: previous.map(|it| it.upstreams.clone()).unwrap_or_default(),
            names: previous.map(|it| it.names.clone()).unwrap_or_default(),
            units: Vec::new(),
            changes,
            broken: HashSet::new(),
            touched: Touched::default(),
            problems: report.into_problems(),
        }
    }

    fn routes(&mut self, steps: &[Step<'_>]) {
        for unit in steps.iter().filter_map(Step::old) {
            self.take_out(unit);
        }
        for step in steps {
            match step {
                Step::Gone(_) => {}
                Step::Fresh { source, .. } => {
                    let unit = self.put_in(source);
                    self.units.push(Arc::new(unit));
                }
                Step::Kept(unit) => {
                    let unit = self.keep(unit);
                    self.units.push(unit);
                }
            }
        }
    }

    fn take_out(&mut self, unit: &Unit) {
        for Compiled { route, rules } in &unit.routes {
            for rule in rules.iter() {
                self.touched.add(&rule.host);
                self.table.remove(rule);
            }
            self.table.set(route.id, None);
            self.names.release(&route.name);
            for upstream in route.upstreams() {
                self.upstreams.let_go(&upstream.name);
            }
        }
    }

    fn put_in(&mut self, source: &SourceFile) -> Unit {
        let mut report = Report::new(&source.path);
        let routes = (0..source.raw.routes.len())
            .filter_map(|position| self.put_in_one(source, position, &mut report))
            .collect();
        let tests = tests_of_routes::read(&source.raw, &mut report);
        self.problems.extend(report.into_problems());
        Unit::new(source, routes, tests)
    }

    fn put_in_one(
        &mut self,
        source: &SourceFile,
        position: usize,
        report: &mut Report<'_>,
    ) -> Option<Compiled> {
        let written = &source.raw.routes[position];
        let claimed = self.claim(&written.name, report);
        let (name, id) = claimed
            .clone()
            .unwrap_or_else(|| (written.name.as_str().into(), 0));
        let draft = Draft {
            file: &source.raw,
            position,
            name,
            id,
            chain: None,
        };
        // A route whose name is taken is compiled too, for its other problems.
        let (route, rules) = draft.compile(&self.surroundings(), report)?;
        claimed?;
        let route = Arc::new(route);
        for upstream in route.upstreams() {
            self.upstreams.take_up(&upstream.name);
        }
        self.table.set(id, Some(Arc::clone(&route)));
        let rules: Arc<[_]> = rules.into_iter().map(Arc::new).collect();
        for rule in rules.iter() {
            self.touched.add(&rule.host);
            if let Err(conflict) = self.table.insert(Arc::clone(rule)) {
                report.extend(self.ambiguous(&conflict));
            }
        }
        Some(Compiled { route, rules })
    }

    fn claim(
        &mut self,
        name: &Spanned<String>,
        report: &mut Report<'_>,
    ) -> Option<(Arc<str>, u32)> {
        if name.is_empty() || *name.value == *tests_of_routes::NONE {
            let message = format!("`{}` is not a name for a route", name.value);
            report.error(name.span, message, "a name such as `read-orders`");
            return None;
        }
        let place = Place {
            file: Arc::clone(report.file()),
            span: name.span,
        };
        let claimed = self.names.claim(name, place);
        let other = match claimed {
            Ok(claimed) => return Some(claimed),
            Err(other) => other,
        };
        let message = format!("two routes are called `{}`", name.value);
        let problem = Problem::error(report.file(), name.span, message)
            .hint("names are shared by all files of the folder: rename one")
            .related(&other.file, other.span, "the other one");
        report.push(problem);
        None
    }

    fn ambiguous(&self, conflict: &Conflict) -> Option<Problem> {
        let new = self.table.route(conflict.new.route)?;
        let old = self.table.route(conflict.old.route)?;
        let message = format!(
            "the routes `{}` and `{}` match the same requests equally well (`{}` and `{}`)",
            new.name, old.name, conflict.new, conflict.old
        );
        Some(
            Problem::error(&new.place.file, conflict.new.span, message)
                .hint("add a condition to one of them that the other contradicts, or make its path narrower")
                .related(&old.place.file, conflict.old.span, format!("the match of `{}`", old.name)),
        )
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            upstreams: &self.upstreams,
            before: self.previous.map(|it| &it.upstreams),
            broken: &self.broken,
            installed: Installed {
                plugins: &self.inputs.plugins,
                catalog: &self.inputs.catalog,
            },
            settings: &self.settings,
            limiters: &self.inputs.limiters,
        }
    }

    /// Those of fresh files, and those of others whose requests may be answered otherwise than before.
    fn run_tests(&mut self, steps: &[Step<'_>]) {
        let live = steps.iter().filter(|step| !matches!(step, Step::Gone(_)));
        for (unit, step) in self.units.iter().zip(live) {
            let fresh = step.fresh().is_some();
            for test in unit.tests.iter() {
                if fresh || test.is_touched(&self.touched) {
                    self.problems.extend(test.run(&self.table, &unit.path));
                }
            }
        }
    }

    fn finish(mut self) -> Result<Snapshot, Vec<Problem>> {
        if self
            .problems
            .iter()
            .any(|it| it.severity == Severity::Error)
        {
            self.problems.sort_by(|a, b| {
                let place = |it: &Problem| (Arc::clone(&it.file), it.span.line, it.span.column);
                place(a).cmp(&place(b))
            });
            return Err(self.problems);
        }
        let unused = self.upstreams.unused().map(|known| {
            let message = format!("no route forwards to the upstream `{}`", known.name());
            Problem::warning(&known.place.file, known.place.span, message)
                .hint("take it out, or name it in a route's `to`")
        });
        let warnings = unused.chain(self.problems).collect();
        Ok(Snapshot {
            generation: self.previous.map_or(1, |it| it.generation + 1),
            table: self.table,
            upstreams: self.upstreams,
            plugins: Arc::clone(&self.inputs.plugins),
            catalog: Arc::clone(&self.inputs.catalog),
            limiters: Arc::clone(&self.inputs.limiters),
            settings: self.settings,
            gateway: Arc::clone(&self.inputs.gateway.raw),
            warnings,
            names: self.names,
            units: self.units,
        })
    }
}
