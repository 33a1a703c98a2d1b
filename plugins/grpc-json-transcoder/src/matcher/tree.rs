//! The tree of the templates that have the same verb.

use super::ANY_METHOD;
use crate::template::{Segment, normal};

/// What may come at one place of a path.
#[derive(Default)]
pub(super) struct Tree {
    /// In alphabetical order.
    literals: Vec<(Box<str>, Tree)>,
    /// `*`.
    one: Option<Box<Tree>>,
    /// `**` and the literals after it; most literals first.
    rests: Vec<(Box<[Box<str>]>, Rules)>,
    /// The path ends here.
    end: Rules,
}

/// The rules of one template, by HTTP method.
#[derive(Default)]
pub(super) struct Rules(Vec<(Box<str>, usize)>);

impl Rules {
    pub(super) fn for_method(&self, method: &str) -> Option<usize> {
        let find = |wanted: &str| self.0.iter().find(|(known, _)| **known == *wanted);
        let (_, rule) = find(method).or_else(|| find(ANY_METHOD))?;
        Some(*rule)
    }

    pub(super) fn methods(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(method, _)| &**method)
    }

    fn insert(&mut self, method: &str, rule: usize) -> Result<(), usize> {
        if let Some((_, known)) = self.0.iter().find(|(known, _)| **known == *method) {
            return Err(*known);
        }
        self.0.push((method.into(), rule));
        Ok(())
    }
}

impl Tree {
    pub(super) fn insert(
        &mut self,
        segments: &[Segment],
        method: &str,
        rule: usize,
    ) -> Result<(), usize> {
        match segments.split_first() {
            None => self.end.insert(method, rule),
            Some((Segment::Literal(text), segments)) => {
                self.literal(text).insert(segments, method, rule)
            }
            Some((Segment::One, segments)) => {
                let one = self.one.get_or_insert_default();
                one.insert(segments, method, rule)
            }
            Some((Segment::Rest, segments)) => self.rest(segments).insert(method, rule),
        }
    }

    fn literal(&mut self, text: &str) -> &mut Self {
        let place = self
            .literals
            .binary_search_by(|(known, _)| (**known).cmp(text))
            .unwrap_or_else(|place| {
                self.literals.insert(place, (text.into(), Self::default()));
                place
            });
        &mut self.literals[place].1
    }

    fn rest(&mut self, segments: &[Segment]) -> &mut Rules {
        let literals: Box<[Box<str>]> = segments
            .iter()
            .map(|segment| segment.to_string().into())
            .collect();
        let known = self.rests.iter().position(|(known, _)| *known == literals);
        let place = known.unwrap_or_else(|| {
            let longer = |(known, _): &(Box<[_]>, _)| known.len() >= literals.len();
            let place = self.rests.partition_point(longer);
            self.rests.insert(place, (literals, Rules::default()));
            place
        });
        &mut self.rests[place].1
    }

    /// `segments` is what is left of the path, nothing if no segment is left.
    pub(super) fn search(
        &self,
        segments: Option<&str>,
        accept: &mut dyn FnMut(&Rules) -> Option<usize>,
    ) -> Option<usize> {
        let found = match segments {
            None => accept(&self.end),
            Some(segments) => self.search_segment(segments, accept),
        };
        found.or_else(|| {
            let mut rests = self.rests.iter();
            rests.find_map(|(literals, rules)| {
                ends_with(segments, literals)
                    .then(|| accept(rules))
                    .flatten()
            })
        })
    }

    fn search_segment(
        &self,
        segments: &str,
        accept: &mut dyn FnMut(&Rules) -> Option<usize>,
    ) -> Option<usize> {
        if self.literals.is_empty() && self.one.is_none() {
            return None;
        }
        let (segment, segments) = match segments.split_once('/') {
            Some((segment, segments)) => (segment, Some(segments)),
            None => (segments, None),
        };
        let text = normal(segment);
        let place = self
            .literals
            .binary_search_by(|(known, _)| (**known).cmp(&*text));
        place
            .ok()
            .and_then(|place| self.literals[place].1.search(segments, accept))
            .or_else(|| {
                let one = self.one.as_ref().filter(|_| !segment.is_empty())?;
                one.search(segments, accept)
            })
    }
}

fn ends_with(mut segments: Option<&str>, literals: &[Box<str>]) -> bool {
    literals.iter().rev().all(|literal| {
        let Some(all) = segments else { return false };
        let (before, last) = match all.rsplit_once('/') {
            Some((before, last)) => (Some(before), last),
            None => (None, all),
        };
        segments = before;
        *normal(last) == **literal
    })
}
