//! Templates and prefixes of one host, as a trie of segments.

use std::{ops::ControlFlow, sync::Arc};

use super::{
    candidates::Candidates,
    pattern::{Segment, Tail},
    rule::Rule,
    shared::{CowMap, Keyed},
};

/// What may follow one sequence of segments. No recursion here is deeper than the longest pattern.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    segment: Box<str>,
    literals: CowMap<Arc<Node>>,
    variable: Option<Arc<Node>>,
    end: Candidates,
    rest: Candidates,
    prefix: Candidates,
}

impl Keyed for Node {
    fn key(&self) -> &str {
        &self.segment
    }
}

impl Node {
    pub(super) fn is_empty(&self) -> bool {
        self.literals.is_empty()
            && self.variable.is_none()
            && [&self.end, &self.rest, &self.prefix]
                .iter()
                .all(|candidates| candidates.is_empty())
    }

    /// Visits the rules whose pattern matches, in order of precedence. `path` is what follows the last slash that
    /// was passed; none when the path has ended.
    pub(super) fn visit<'t, B>(
        &'t self,
        path: Option<&str>,
        visitor: &mut impl FnMut(&'t Rule) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(path) = path else {
            self.end.visit(visitor)?;
            return self.prefix.visit(visitor);
        };
        let (segment, next) = match path.split_once('/') {
            Some((segment, next)) => (segment, Some(next)),
            None => (path, None),
        };
        if let Some(node) = self.literals.get(segment) {
            node.visit(next, visitor)?;
        }
        if let Some(node) = &self.variable
            && !segment.is_empty()
        {
            node.visit(next, visitor)?;
        }
        self.rest.visit(visitor)?;
        self.prefix.visit(visitor)
    }

    pub(super) fn insert(
        &mut self,
        segments: &[Segment],
        tail: &Tail,
        rule: Arc<Rule>,
    ) -> Option<Arc<Rule>> {
        match segments.split_first() {
            None => self.candidates(tail).insert(rule),
            Some((first, others)) => self.child(first).insert(others, tail, rule),
        }
    }

    pub(super) fn remove(&mut self, segments: &[Segment], tail: &Tail, rule: &Arc<Rule>) {
        let Some((first, others)) = segments.split_first() else {
            return self.candidates(tail).remove(rule);
        };
        let child = self.child(first);
        child.remove(others, tail, rule);
        if child.is_empty() {
            match first {
                Segment::Literal(text) => drop(self.literals.remove(text)),
                Segment::Variable(_) => self.variable = None,
            }
        }
    }

    pub(super) fn for_each<'t>(&'t self, visitor: &mut impl FnMut(&'t Arc<Rule>)) {
        for candidates in [&self.end, &self.rest, &self.prefix] {
            candidates.iter().for_each(&mut *visitor);
        }
        for node in self.literals.iter().chain(&self.variable) {
            node.for_each(visitor);
        }
    }

    fn candidates(&mut self, tail: &Tail) -> &mut Candidates {
        match tail {
            Tail::End => &mut self.end,
            Tail::Rest(_) => &mut self.rest,
            Tail::Prefix => &mut self.prefix,
        }
    }

    fn child(&mut self, segment: &Segment) -> &mut Node {
        match segment {
            Segment::Variable(_) => Arc::make_mut(self.variable.get_or_insert_default()),
            Segment::Literal(text) => {
                if self.literals.get(text).is_none() {
                    self.literals.insert(Arc::new(Node {
                        segment: text.clone(),
                        ..Node::default()
                    }));
                }
                let node = self.literals.get_mut(text);
                Arc::make_mut(node.expect("it was put in where it was missing"))
            }
        }
    }
}
