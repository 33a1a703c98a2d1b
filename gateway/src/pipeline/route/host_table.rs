//! The rules of one host.

use std::{ops::ControlFlow, sync::Arc};

use super::{
    candidates::Candidates,
    expression::Expression,
    host::HostPattern,
    pattern::PathPattern,
    precedence::compare_paths,
    rule::Rule,
    shared::{CowMap, Keyed},
    trie::Node,
};

#[derive(Clone, Debug)]
pub(super) struct HostTable {
    host: HostPattern,
    exact: CowMap<Arc<Exact>>,
    /// The first in precedence first.
    regexes: Vec<Arc<Matching>>,
    segments: Node,
}

#[derive(Clone, Debug)]
struct Exact {
    path: Arc<str>,
    candidates: Candidates,
}

#[derive(Clone, Debug)]
struct Matching {
    pattern: PathPattern,
    expression: Expression,
    candidates: Candidates,
}

impl Keyed for HostTable {
    fn key(&self) -> &str {
        self.host.key()
    }
}

impl Keyed for Exact {
    fn key(&self) -> &str {
        &self.path
    }
}

impl HostTable {
    pub(super) fn new(host: HostPattern) -> Self {
        Self {
            host,
            exact: CowMap::default(),
            regexes: Vec::new(),
            segments: Node::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.regexes.is_empty() && self.segments.is_empty()
    }

    /// Visits the rules whose path matches, in order of precedence.
    pub(super) fn visit<'t, B>(
        &'t self,
        path: &str,
        visitor: &mut impl FnMut(&'t Rule) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(exact) = self.exact.get(path) {
            exact.candidates.visit(visitor)?;
        }
        for regex in &self.regexes {
            if regex.expression.is_match(path.as_bytes()) {
                regex.candidates.visit(visitor)?;
            }
        }
        match path.strip_prefix('/') {
            Some(path) => self.segments.visit(Some(path), visitor),
            None => ControlFlow::Continue(()),
        }
    }

    /// Returns a rule of another route that this one cannot be told from.
    pub(super) fn insert(&mut self, rule: Arc<Rule>) -> Option<Arc<Rule>> {
        let rule_path = Arc::clone(&rule);
        match &rule_path.path {
            PathPattern::Segments { segments, tail } => self.segments.insert(segments, tail, rule),
            PathPattern::Exact(path) => match self.exact.get_mut(path) {
                Some(exact) => Arc::make_mut(exact).candidates.insert(rule),
                None => {
                    let mut candidates = Candidates::default();
                    candidates.insert(rule);
                    self.exact.insert(Arc::new(Exact {
                        path: Arc::clone(path),
                        candidates,
                    }));
                    None
                }
            },
            PathPattern::Regex(expression) => {
                let place = self.place(&rule_path.path);
                let place = place.unwrap_or_else(|free| {
                    let matching = Matching {
                        pattern: rule_path.path.clone(),
                        expression: expression.clone(),
                        candidates: Candidates::default(),
                    };
                    self.regexes.insert(free, Arc::new(matching));
                    free
                });
                Arc::make_mut(&mut self.regexes[place])
                    .candidates
                    .insert(rule)
            }
        }
    }

    pub(super) fn remove(&mut self, rule: &Arc<Rule>) {
        match &rule.path {
            PathPattern::Segments { segments, tail } => self.segments.remove(segments, tail, rule),
            PathPattern::Exact(path) => {
                if let Some(exact) = self.exact.get_mut(path) {
                    let exact = Arc::make_mut(exact);
                    exact.candidates.remove(rule);
                    if exact.candidates.is_empty() {
                        self.exact.remove(path);
                    }
                }
            }
            PathPattern::Regex(_) => {
                if let Ok(place) = self.place(&rule.path) {
                    let matching = Arc::make_mut(&mut self.regexes[place]);
                    matching.candidates.remove(rule);
                    if matching.candidates.is_empty() {
                        self.regexes.remove(place);
                    }
                }
            }
        }
    }

    pub(super) fn for_each<'t>(&'t self, visitor: &mut impl FnMut(&'t Arc<Rule>)) {
        let exact = self.exact.iter().map(|exact| &exact.candidates);
        let regexes = self.regexes.iter().map(|regex| &regex.candidates);
        for candidates in exact.chain(regexes) {
            candidates.iter().for_each(&mut *visitor);
        }
        self.segments.for_each(visitor);
    }

    fn place(&self, pattern: &PathPattern) -> Result<usize, usize> {
        self.regexes
            .binary_search_by(|regex| compare_paths(&regex.pattern, pattern))
    }
}
