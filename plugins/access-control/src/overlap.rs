//! Rules that have nothing to say.

use witgate_plugin::prelude::*;

use crate::{
    conditions::Condition,
    rules::{Decision, Rule, Rules},
};

/// What is legal and probably not meant.
pub(crate) fn warnings(rules: &Rules) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for (index, rule) in rules.rules.iter().enumerate() {
        let earlier = &rules.rules[..index];
        if let Some(first) = earlier.iter().position(|earlier| earlier.covers(rule)) {
            let message = format!(
                "this rule never decides: whatever it matches, rule {} matches before it; take it out or put it first",
                first + 1
            );
            warnings.push(Problem::at(format!("/rules/{index}"), message));
        }
    }
    let alike = rules
        .rules
        .iter()
        .all(|rule| rule.decision == rules.otherwise);
    if alike {
        let message = match rules.otherwise {
            Decision::Allow => {
                "nothing is ever denied here; write a `deny` or take `otherwise: allow` out"
            }
            Decision::Deny => {
                "nothing is ever allowed here; write an `allow` or take `otherwise: deny` out"
            }
        };
        warnings.push(Problem::at("/otherwise", message));
    }
    warnings
}

impl Rule {
    /// Whether it matches whatever `other` matches, as far as can be told.
    fn covers(&self, other: &Self) -> bool {
        let implied =
            |own: &Condition| other.conditions.iter().any(|other| own.follows_from(other));
        self.conditions.iter().all(implied)
    }
}

impl Condition {
    /// Whether every request that is `other` is also this.
    fn follows_from(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::From(own), Self::From(other)) => other
                .iter()
                .all(|other| own.iter().any(|own| own.covers(other))),
            (Self::Paths(own), Self::Paths(other)) => other
                .iter()
                .all(|other| own.iter().any(|own| own.covers(other))),
            (Self::Peers(own), Self::Peers(other)) => other
                .iter()
                .all(|other| own.iter().any(|own| own.covers(other))),
            (Self::Methods(own), Self::Methods(other)) => other.iter().all(|it| own.contains(it)),
            (Self::Named(name, own), Self::Named(same, other)) => {
                name == same && other.iter().all(|it| own.contains(it))
            }
            (Self::Scopes(own), Self::Scopes(other)) => own.iter().all(|it| other.contains(it)),
            (Self::Authenticated(true), other) => other.needs_identity(),
            (own, other) => own == other,
        }
    }
}
