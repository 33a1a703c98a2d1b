//! Rules in their order, and what they make of a request.

use witgate_plugin::prelude::*;

use crate::{
    conditions::{self, Condition},
    settings::{Otherwise, RuleSettings, Settings},
    subject::Subject,
};

/// Nobody reads more.
const MOST_RULES: usize = 200;

pub(crate) struct Rules {
    pub(crate) rules: Vec<Rule>,
    pub(crate) otherwise: Decision,
}

pub(crate) struct Rule {
    pub(crate) decision: Decision,
    /// All of them have to hold.
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    Deny,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The rule with this index.
    Rule(usize),
    NoRule,
    /// Nothing, but a rule may let somebody in, and nobody says who they are.
    NobodyKnown,
}

impl Why {
    /// Of what kind the refusal was.
    pub(crate) fn note(self) -> String {
        match self {
            Self::Rule(index) => format!("rule-{}", index + 1),
            Self::NoRule => String::from("no-rule"),
            Self::NobodyKnown => String::from("identity-missing"),
        }
    }
}

impl Decision {
    /// As it is written.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl Rules {
    pub(crate) fn compile(settings: Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if settings.rules.is_empty() {
            let message =
                "there is nothing to decide by; write a rule, as `- allow: { from: [10.0.0.0/8] }`";
            problems.push(Problem::at("/rules", message));
        }
        if settings.rules.len() > MOST_RULES {
            let message =
                format!("there are at most {MOST_RULES} rules; put more into the lists of one");
            problems.push(Problem::at("/rules", message));
        }
        let mut rules = Vec::new();
        for (index, written) in settings.rules.into_iter().enumerate() {
            match Rule::compile(written, &format!("/rules/{index}")) {
                Ok(rule) => rules.push(rule),
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let allows = rules.iter().any(|rule| rule.decision == Decision::Allow);
        let otherwise = match settings.otherwise {
            Some(Otherwise::Allow) => Decision::Allow,
            Some(Otherwise::Deny) => Decision::Deny,
            None if allows => Decision::Deny,
            None => Decision::Allow,
        };
        Ok(Self { rules, otherwise })
    }

    pub(crate) fn decide(&self, subject: &Subject<'_>) -> (Decision, Why) {
        let mut rules = self.rules.iter();
        if let Some(index) = rules.position(|rule| rule.matches(subject)) {
            let rule = &self.rules[index];
            let nobody = rule.conditions.contains(&Condition::Authenticated(false));
            let why = match rule.decision {
                Decision::Deny if nobody => Why::NobodyKnown,
                _ => Why::Rule(index),
            };
            return (rule.decision, why);
        }
        let somebody_may = || self.rules.iter().any(|rule| rule.would_admit(subject));
        let why = match self.otherwise {
            Decision::Deny if subject.identity().is_none() && somebody_may() => Why::NobodyKnown,
            _ => Why::NoRule,
        };
        (self.otherwise, why)
    }
}

impl Rule {
    fn compile(written: RuleSettings, pointer: &str) -> Result<Self, Vec<Problem>> {
        let (decision, written) = match (written.allow, written.deny) {
            (Some(conditions), None) => (Decision::Allow, conditions),
            (None, Some(conditions)) => (Decision::Deny, conditions),
            _ => {
                let message = "a rule is one of `allow` and `deny`; write two rules, as each stands for itself";
                return Err(vec![Problem::at(pointer, message)]);
            }
        };
        let pointer = format!("{pointer}/{}", decision.key());
        Ok(Self {
            decision,
            conditions: conditions::compile(written, &pointer)?,
        })
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.holds(subject))
    }

    /// Whether it would let this request of nobody's in, if the right one asked.
    fn would_admit(&self, subject: &Subject<'_>) -> bool {
        self.decision == Decision::Allow
            && self.conditions.iter().any(Condition::needs_identity)
            && self
                .conditions
                .iter()
                .all(|it| it.needs_identity() || it.holds(subject))
    }
}
