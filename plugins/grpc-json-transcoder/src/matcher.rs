//! Finds the rule for a method and a path, whatever the order of the rules.
//!
//! From left to right a literal wins over `*`, and `*` over `**`; of several literals after a `**` the most win. If
//! the way that looked best ends without a rule for the method, the next best is tried. One tree holds the templates
//! with the same verb, each of its nodes is visited once at most, and its depth is that of the longest template: what
//! a look-up costs is bounded by the rules, not by how many slashes a path has.

#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;

use crate::{
    settings::{TrailingSlash, UnregisteredVerb},
    template::{Template, normal},
};
use tree::Tree;

/// The kind of a `custom` rule for all methods.
pub(crate) const ANY_METHOD: &str = "*";

/// All rules, by their place in a list that the caller keeps.
pub(crate) struct Matcher {
    /// By verb; the empty one is for templates without.
    trees: BTreeMap<Box<str>, Tree>,
    longest_verb: usize,
    unregistered_verb: UnregisteredVerb,
    trailing_slash: TrailingSlash,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<'p> {
    pub(crate) rule: usize,
    /// The path without verb, and without a trailing slash that was tolerated.
    pub(crate) path: &'p str,
}

/// Why nothing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// No rule matches the path.
    Unknown,
    /// Rules match the path, but only with these methods; in alphabetical order.
    Method(Vec<String>),
    /// A rule matches this path, which lacks the slash at the end.
    Slash(String),
}

impl Matcher {
    pub(crate) fn new(unregistered_verb: UnregisteredVerb, trailing_slash: TrailingSlash) -> Self {
        Self {
            trees: BTreeMap::new(),
            longest_verb: 0,
            unregistered_verb,
            trailing_slash,
        }
    }

    /// Fails with the rule that matches the same requests already.
    pub(crate) fn insert(
        &mut self,
        method: &str,
        template: &Template,
        rule: usize,
    ) -> Result<(), usize> {
        self.longest_verb = self.longest_verb.max(template.verb().len());
        let tree = self.trees.entry(template.verb().into()).or_default();
        tree.insert(template.segments(), method, rule)
    }

    /// The path begins with `/` and has no query.
    pub(crate) fn find<'p>(&self, method: &str, path: &'p str) -> Result<Found<'p>, Miss> {
        if let Some(found) = self.search(path, &mut |rules| rules.for_method(method)) {
            return Ok(found);
        }
        let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty());
        if let Some(bare) = bare.filter(|_| self.trailing_slash != TrailingSlash::Exact)
            && let Some(found) = self.search(bare, &mut |rules| rules.for_method(method))
        {
            return match self.trailing_slash {
                // As a location, `//a/b` would be another host (RFC 3986 section 4.2).
                TrailingSlash::Redirect if bare.starts_with("//") => Err(Miss::Unknown),
                TrailingSlash::Redirect => Err(Miss::Slash(bare.to_owned())),
                TrailingSlash::Exact | TrailingSlash::Tolerate => Ok(found),
            };
        }
        let mut methods = self.methods(path);
        if methods.is_empty() && self.trailing_slash == TrailingSlash::Tolerate {
            methods = bare.map(|bare| self.methods(bare)).unwrap_or_default();
        }
        Err(if methods.is_empty() {
            Miss::Unknown
        } else {
            Miss::Method(methods)
        })
    }

    /// All methods that the path can be asked with.
    fn methods(&self, path: &str) -> Vec<String> {
        let mut methods = Vec::new();
        self.search(path, &mut |rules| {
            methods.extend(rules.methods().map(str::to_owned));
            None
        });
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    /// Shows the rules of matching templates, best first, until one is accepted.
    fn search<'p>(
        &self,
        path: &'p str,
        accept: &mut dyn FnMut(&tree::Rules) -> Option<usize>,
    ) -> Option<Found<'p>> {
        let segments = path.strip_prefix('/')?;
        let last = segments.rfind('/').map_or(0, |slash| slash + 1);
        let by_verb = self
            .verbs(&segments[last..])
            .find_map(|(tree, colon)| found_in(tree, &path[..1 + last + colon], accept));
        let as_data = match self.unregistered_verb {
            UnregisteredVerb::Data => true,
            UnregisteredVerb::Refuse => !segments[last..].contains(':'),
        };
        by_verb.or_else(|| {
            let tree = self.trees.get("").filter(|_| as_data)?;
            found_in(tree, path, accept)
        })
    }

    /// The verbs that the segment ends with, longest first, and where their colons are.
    fn verbs<'m>(&'m self, segment: &'m str) -> impl Iterator<Item = (&'m Tree, usize)> {
        // An escape in the path is three times as long as what it may stand for.
        let longest = self.longest_verb * 3;
        let colons = segment.match_indices(':').map(|(colon, _)| colon);
        let colons =
            colons.filter(move |colon| longest > 0 && segment.len() - colon - 1 <= longest);
        colons.filter_map(|colon| {
            let verb = normal(&segment[colon + 1..]);
            let tree = self.trees.get(&*verb).filter(|_| !verb.is_empty())?;
            Some((tree, colon))
        })
    }
}

fn found_in<'p>(
    tree: &Tree,
    path: &'p str,
    accept: &mut dyn FnMut(&tree::Rules) -> Option<usize>,
) -> Option<Found<'p>> {
    let segments = path
        .strip_prefix('/')
        .filter(|segments| !segments.is_empty());
    let rule = tree.search(segments, accept)?;
    Some(Found { rule, path })
}
