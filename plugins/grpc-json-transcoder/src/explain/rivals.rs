//! The rules that were not chosen, and why.

use serde_json::{Value as Json, json};

use crate::{
    rules::{Api, Rule},
    template::{Segment, Template, normal},
};

/// How many rules an answer tells about.
const MOST: usize = 50;

/// Those that match the path come first.
pub(super) fn of(api: &Api, chosen: Option<&Rule>, method: &str, path: &str) -> Json {
    let others = api.rules().iter();
    let others = others.filter(|rule| chosen.is_none_or(|chosen| !std::ptr::eq(*rule, chosen)));
    let mut others: Vec<_> = others
        .map(|rule| {
            let mismatch = mismatch(&rule.template, path);
            let matches = mismatch.is_none();
            let why = mismatch.unwrap_or_else(|| lost(rule, chosen, method));
            (!matches, rule, why)
        })
        .collect();
    others.sort_by_key(|(far, ..)| *far);
    let others = others.iter().take(MOST).map(
        |(_, rule, why)| json!({ "rpc": rule.rpc.full_name(), "rule": rule.title(), "why": why }),
    );
    others.collect()
}

/// Why the template does not match the path.
fn mismatch(template: &Template, path: &str) -> Option<String> {
    let path = match template.verb() {
        "" => path,
        verb => match path
            .rsplit_once('/')
            .and_then(|(_, last)| verb_length(last, verb))
        {
            Some(length) => &path[..path.len() - length],
            None => return Some(format!("the path does not end with `:{verb}`")),
        },
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let found: Vec<_> = match path {
        "" => Vec::new(),
        path => path.split('/').collect(),
    };
    let wanted = template.segments();
    let (before, after) = match template.rest() {
        Some(rest) => (&wanted[..rest], &wanted[rest + 1..]),
        None if found.len() != wanted.len() => {
            let (found, wanted) = (found.len(), wanted.len());
            return Some(format!(
                "the path has {found} segments, the template {wanted}"
            ));
        }
        None => (wanted, &[][..]),
    };
    if found.len() < before.len() + after.len() {
        return Some(format!(
            "the path has {} segments, the template at least {}",
            found.len(),
            before.len() + after.len()
        ));
    }
    let tail = found.len() - after.len();
    let ahead = before.iter().enumerate();
    let behind = after
        .iter()
        .enumerate()
        .map(|(place, segment)| (tail + place, segment));
    ahead
        .chain(behind)
        .find_map(|(place, wanted)| differs(place, wanted, found[place]))
}

/// The length of the verb with its colon, if the segment ends with it.
fn verb_length(segment: &str, verb: &str) -> Option<usize> {
    let mut colons = segment.match_indices(':').map(|(colon, _)| colon);
    let colon = colons.find(|colon| normal(&segment[colon + 1..]) == verb)?;
    Some(segment.len() - colon)
}

fn differs(place: usize, wanted: &Segment, found: &str) -> Option<String> {
    let number = place + 1;
    match wanted {
        Segment::Literal(literal) if normal(found) != **literal => {
            Some(format!("segment {number} is `{found}`, not `{literal}`"))
        }
        Segment::One if found.is_empty() => Some(format!("segment {number} is empty")),
        _ => None,
    }
}

/// Why a rule that matches the path lost.
fn lost(rule: &Rule, chosen: Option<&Rule>, method: &str) -> String {
    if rule.method != method && rule.method != "*" {
        return format!("it is for {}, not {method}", rule.method);
    }
    let Some(chosen) = chosen else {
        return String::from("the settings of the path keep it from matching");
    };
    let (ours, theirs) = (&rule.template, &chosen.template);
    if ours.verb() != theirs.verb() {
        return format!("`:{}` is the verb of the chosen rule", theirs.verb());
    }
    if ours.segments() == theirs.segments() {
        return format!("the chosen rule is for {method} alone");
    }
    let mut pairs = ours.segments().iter().zip(theirs.segments()).enumerate();
    match pairs.find(|(_, (ours, theirs))| ours != theirs) {
        Some((place, (ours, theirs))) => {
            let number = place + 1;
            format!("`{ours}` in segment {number} is less specific than `{theirs}`")
        }
        None => String::from("fewer literals follow its `**`"),
    }
}
