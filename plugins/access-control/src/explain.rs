//! What the rules would do with a request that somebody imagines.

use serde_json::{Value, json};
use witgate_plugin::Asked;

use crate::{conditions::Condition, rules::Rules};

/// Which rules would match, as far as method and path tell; what depends on the client stays open.
pub(crate) fn explain(rules: &Rules, asked: &Asked) -> Value {
    let mut matching = Vec::new();
    for (index, rule) in rules.rules.iter().enumerate() {
        let fails = |condition: &Condition| condition.holds_for(asked) == Some(false);
        if rule.conditions.iter().any(fails) {
            continue;
        }
        let open = rule.conditions.iter();
        let open: Vec<_> = open
            .filter(|condition| condition.holds_for(asked).is_none())
            .map(Condition::key)
            .collect();
        let certain = open.is_empty();
        let mut line = json!({ "rule": index + 1, "decision": rule.decision.key() });
        if !certain {
            line["if"] = json!(open);
        }
        matching.push(line);
        if certain {
            return json!({ "first-match-of": matching });
        }
    }
    json!({ "first-match-of": matching, "otherwise": rules.otherwise.key() })
}

impl Condition {
    /// None when it depends on the client.
    fn holds_for(&self, asked: &Asked) -> Option<bool> {
        match self {
            Self::Methods(methods) => Some(methods.contains(&asked.method)),
            Self::Paths(paths) => {
                let path = asked.path_and_query.split('?').next().unwrap_or_default();
                Some(paths.iter().any(|prefix| prefix.holds(path)))
            }
            _ => None,
        }
    }
}
