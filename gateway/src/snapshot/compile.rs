//! From files to a snapshot.
//!
//! The previous snapshot's maps are cloned, which copies pointers; then what is gone is taken out and what is fresh
//! is put in. Nothing is done for a file that did not change, unless what its routes refer to did.

use std::{collections::HashSet, path::Path, sync::Arc};

use super::{
    Inputs, KnownUpstream, Place, Route, Settings, Snapshot, SourceFile, Upstreams,
    names::Names,
    route::{Draft, Surroundings},
    tests_of_routes::{self, Touched},
    unit::{Compiled, Step, Unit, steps},
};
use crate::{
    config::{
        problem::{Problem, Severity},
        raw::RouteFile,
        span::Spanned,
    },
    pipeline::{
        route::{Conflict, Report, Table},
        sandbox::{Plugin, Plugins},
        upstream::{self, Origin},
    },
};

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
    /// Names of upstreams that are not what they were.
    changed: HashSet<Arc<str>>,
    /// Names of plugins that are not what they were.
    changed_plugins: HashSet<Arc<str>>,
    /// Names of upstreams that have problems; these are reported once.
    broken: HashSet<Box<str>>,
    touched: Touched,
    problems: Vec<Problem>,
}

impl<'a> Build<'a> {
    fn new(inputs: &'a Inputs, previous: Option<&'a Snapshot>) -> Self {
        let mut report = Report::new(&inputs.gateway.path);
        let settings = Settings::compile(&inputs.gateway, &mut report);
        Self {
            inputs,
            previous,
            settings,
            table: previous.map(|it| it.table.clone()).unwrap_or_default(),
            upstreams: previous.map(|it| it.upstreams.clone()).unwrap_or_default(),
            names: previous.map(|it| it.names.clone()).unwrap_or_default(),
            units: Vec::new(),
            changed: HashSet::new(),
            changed_plugins: previous
                .map(|it| changed_plugins(&it.plugins, &inputs.plugins))
                .unwrap_or_default(),
            broken: HashSet::new(),
            touched: Touched::default(),
            problems: report.into_problems(),
        }
    }

    fn upstreams(&mut self, steps: &[Step<'_>]) {
        let gone = || steps.iter().filter_map(Step::old);
        for name in gone().flat_map(|unit| unit.raw.upstreams.keys()) {
            self.upstreams.remove(name);
        }
        for source in steps.iter().filter_map(Step::fresh) {
            self.declare_upstreams(source);
        }
        for name in gone().flat_map(|unit| unit.raw.upstreams.keys()) {
            if self.upstreams.get(name).is_none() {
                self.changed.insert(name.as_str().into());
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
        file: &Arc<std::path::PathBuf>,
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
                    self.changed.insert(Arc::clone(&upstream.name));
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
            if let Some(upstream) = route.upstream() {
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
        if let Some(upstream) = route.upstream() {
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

    /// The unit of a file that did not change: the same, unless what its routes refer to did.
    fn keep(&mut self, unit: &Arc<Unit>) -> Arc<Unit> {
        let Some(previous) = self.previous else {
            return Arc::clone(unit);
        };
        let settings = self.settings.of_routes() != previous.settings.of_routes();
        if !settings && !unit.uses_any(&self.changed, &self.changed_plugins) {
            return Arc::clone(unit);
        }
        let mut report = Report::new(&unit.path);
        let mut unit = Unit::clone(unit);
        for compiled in &mut unit.routes {
            let route = &compiled.route;
            let plugins = &route.written().plugins;
            let other_plugins = plugins
                .iter()
                .any(|plugin| self.changed_plugins.contains(plugin.name.as_str()));
            let other_upstream = route
                .upstream()
                .is_some_and(|upstream| self.changed.contains(&upstream.name));
            if !(settings || other_plugins || other_upstream) {
                continue;
            }
            let draft = Draft {
                file: &unit.raw,
                position: route.position(),
                name: Arc::clone(&route.name),
                id: route.id,
                chain: Some(route.chain.clone()).filter(|_| !other_plugins),
            };
            // Its rules are those that it has.
            if let Some((route, _)) = draft.compile(&self.surroundings(), &mut report) {
                compiled.route = Arc::new(route);
                self.table
                    .set(compiled.route.id, Some(Arc::clone(&compiled.route)));
            }
        }
        self.problems.extend(report.into_problems());
        Arc::new(unit)
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            upstreams: &self.upstreams,
            before: self.previous.map(|it| &it.upstreams),
            broken: &self.broken,
            plugins: &self.inputs.plugins,
            settings: &self.settings,
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
            settings: self.settings,
            warnings,
            names: self.names,
            units: self.units,
        })
    }
}

/// The names of the plugins that are not the same in both.
pub(super) fn changed_plugins(before: &Plugins, now: &Plugins) -> HashSet<Arc<str>> {
    let differs = |plugin: &&Arc<Plugin>| {
        let same = |other: &Plugins| {
            let other = other.get(plugin.name());
            other.is_some_and(|other| Arc::ptr_eq(other, plugin))
        };
        !(same(before) && same(now))
    };
    let all = before.iter().chain(now.iter());
    all.filter(differs).map(|it| it.name().into()).collect()
}
