//! Why a request is answered by the route that answers it, and not by another.

use super::{
    precedence::{self, Criterion},
    rule::{RequestView, Rule, Unmet},
    table::Table,
};

/// A rule that did not answer.
#[derive(Clone, Copy, Debug)]
pub struct Loser<'t> {
    pub rule: &'t Rule,
    pub why: Why<'t>,
}

/// Why a rule did not answer.
#[derive(Clone, Copy, Debug)]
pub enum Why<'t> {
    /// The first condition that the request does not meet.
    Unmet(Unmet<'t>),
    /// It matches too, but the winner goes first by this.
    Later(Criterion),
    /// It matches too, and belongs to the same route.
    SameRoute,
}

/// The rules that came nearest to a request.
#[derive(Clone, Debug)]
pub struct Survey<'t> {
    pub winner: Option<&'t Rule>,
    /// The nearest first.
    pub losers: Vec<Loser<'t>>,
    /// How many more rules did not answer.
    pub more: usize,
}

/// Asks every rule; for people, not for the request's way. Lists at most `limit` losers.
pub fn survey<'t, R>(table: &'t Table<R>, view: &RequestView<'_>, limit: usize) -> Survey<'t> {
    let rules = table.rules();
    let mut winner: Option<&Rule> = None;
    let mut losers = Vec::new();
    for rule in &rules {
        match (rule.unmet(view), winner) {
            (None, None) => winner = Some(rule),
            (None, Some(winner)) => losers.push((0, lost_to(winner, rule))),
            (Some(unmet), _) => {
                let why = Why::Unmet(unmet);
                losers.push((distance(rule, unmet, view), Loser { rule, why }));
            }
        }
    }
    // Stable: among the equally near, the order of matching stays.
    losers.sort_by_key(|(distance, _)| *distance);
    let near = losers.iter().filter(|(distance, _)| *distance < FAR);
    let near: Vec<_> = near.take(limit).map(|(_, loser)| *loser).collect();
    Survey {
        winner,
        more: losers.len() - near.len(),
        losers: near,
    }
}

fn lost_to<'t>(winner: &Rule, rule: &'t Rule) -> Loser<'t> {
    let why = match precedence::decide(winner, rule) {
        Some((_, criterion)) if winner.route != rule.route => Why::Later(criterion),
        _ => Why::SameRoute,
    };
    Loser { rule, why }
}

/// Not worth a line.
const FAR: u32 = u32::MAX;

/// How far a rule is from matching: by the condition that fails, then by how little of the path is the same.
fn distance(rule: &Rule, unmet: Unmet<'_>, view: &RequestView<'_>) -> u32 {
    match unmet {
        Unmet::Method | Unmet::Header(_) | Unmet::Query(_) => 1,
        Unmet::Path => {
            let written = rule.path.to_string();
            let pairs = written.bytes().zip(view.path.bytes());
            let same = pairs.take_while(|(a, b)| a == b).count();
            100_000 - (same as u32).min(90_000)
        }
        // Only when the host is all that keeps them apart.
        Unmet::Host if rule.path.matches(view.path) && rule.accepts(view) => {
            let likeness = strsim::jaro_winkler(&rule.host.to_string(), view.host);
            200_000 - (likeness * 1000.0) as u32
        }
        Unmet::Host => FAR,
    }
}
