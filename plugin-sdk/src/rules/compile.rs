//! From what is written to a [`Rule`].

use serde_json::Value;

use super::{ClaimPath, Kind, Rule, RuleConfig, Test};
use crate::config::Problem;

/// How deep rules may lie in one another: nobody reads deeper ones.
const DEEPEST: usize = 16;

/// How many rules and values one rule may be made of.
const MOST: usize = 1000;

impl Rule {
    /// `pointer` is the place of the rule in the configuration, as `/require`. Everything that is wrong is reported at
    /// once.
    pub fn compile(written: RuleConfig, pointer: &str) -> Result<Self, Vec<Problem>> {
        let mut compiler = Compiler {
            problems: Vec::new(),
            parts: 0,
        };
        let rule = compiler.rule(written, pointer, 1);
        if compiler.parts > MOST {
            let message = format!("a rule has at most {MOST} parts; write fewer");
            compiler.problems.push(Problem::at(pointer, message));
        }
        match rule {
            Some(rule) if compiler.problems.is_empty() => Ok(rule),
            _ => Err(compiler.problems),
        }
    }
}

struct Compiler {
    problems: Vec<Problem>,
    parts: usize,
}

impl Compiler {
    fn rule(&mut self, written: RuleConfig, pointer: &str, depth: usize) -> Option<Rule> {
        self.parts += 1;
        if depth > DEEPEST {
            let message =
                format!("rules lie at most {DEEPEST} deep in one another; write it flatter");
            return self.wrong(pointer, message);
        }
        if written.claim.is_some() {
            return self.claim(written, pointer);
        }
        if written.tests() > 0 {
            return self.wrong(pointer, "this tests no claim; name one with `claim`");
        }
        let kind = match (written.all, written.any, written.not) {
            (Some(rules), None, None) => Kind::All(self.rules(rules, pointer, "all", depth)?),
            (None, Some(rules), None) => Kind::Any(self.rules(rules, pointer, "any", depth)?),
            (None, None, Some(rule)) => Kind::Not(Box::new(self.rule(
                *rule,
                &format!("{pointer}/not"),
                depth + 1,
            )?)),
            (None, None, None) => {
                let message =
                    "an empty rule says nothing; write `claim` with a test, `all`, `any` or `not`";
                return self.wrong(pointer, message);
            }
            _ => {
                let message =
                    "a rule has only one of `all`, `any` and `not`; put one into the other";
                return self.wrong(pointer, message);
            }
        };
        Some(Rule(kind))
    }

    fn rules(
        &mut self,
        written: Vec<RuleConfig>,
        pointer: &str,
        key: &str,
        depth: usize,
    ) -> Option<Vec<Rule>> {
        let pointer = format!("{pointer}/{key}");
        if written.is_empty() {
            return self.wrong(
                &pointer,
                format!("`{key}` of nothing; write a rule or leave it out"),
            );
        }
        let mut rules = Vec::new();
        let mut complete = true;
        for (index, rule) in written.into_iter().enumerate() {
            match self.rule(rule, &format!("{pointer}/{index}"), depth + 1) {
                Some(rule) => rules.push(rule),
                None => complete = false,
            }
        }
        complete.then_some(rules)
    }

    fn claim(&mut self, written: RuleConfig, pointer: &str) -> Option<Rule> {
        if written.all.is_some() || written.any.is_some() || written.not.is_some() {
            let message = "a rule with a `claim` has one test and no `all`, `any` or `not`; put the claim into one of them";
            return self.wrong(pointer, message);
        }
        if written.tests() != 1 {
            let message = "a `claim` has exactly one test: `equals`, `one-of`, `contains`, `prefix`, `suffix` or `exists`; combine several with `all`";
            return self.wrong(pointer, message);
        }
        let path = match ClaimPath::new(written.claim.as_deref().unwrap_or_default()) {
            Ok(path) => Some(path),
            Err(message) => self.wrong(&format!("{pointer}/claim"), message),
        };
        let test = self.test(written, pointer)?;
        Some(Rule(Kind::Claim(path?, test)))
    }

    fn test(&mut self, written: RuleConfig, pointer: &str) -> Option<Test> {
        let at = |key: &str| format!("{pointer}/{key}");
        if let Some(value) = written.equals {
            return Some(Test::OneOf(vec![self.scalar(value, &at("equals"))?]));
        }
        if let Some(value) = written.contains {
            return Some(Test::Contains(self.scalar(value, &at("contains"))?));
        }
        if let Some(values) = written.one_of {
            return self.one_of(values, &at("one-of"));
        }
        if let Some(exists) = written.exists {
            return Some(Test::Exists(exists));
        }
        let (key, text) = match (written.prefix, written.suffix) {
            (Some(prefix), _) => ("prefix", prefix),
            (None, suffix) => ("suffix", suffix.unwrap_or_default()),
        };
        if text.is_empty() {
            return self.wrong(&at(key), "every text does that; write `exists: true`");
        }
        Some(match key {
            "prefix" => Test::Prefix(text),
            _ => Test::Suffix(text),
        })
    }

    fn one_of(&mut self, values: Vec<Value>, pointer: &str) -> Option<Test> {
        if values.is_empty() {
            return self.wrong(pointer, "nothing is one of none; write the values");
        }
        self.parts += values.len();
        let before = self.problems.len();
        let values = values
            .into_iter()
            .enumerate()
            .filter_map(|(index, value)| self.scalar(value, &format!("{pointer}/{index}")))
            .collect();
        (self.problems.len() == before).then_some(Test::OneOf(values))
    }

    fn scalar(&mut self, value: Value, pointer: &str) -> Option<Value> {
        match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Some(value),
            Value::Null => self.wrong(pointer, "null counts as missing; write `exists: false`"),
            Value::Array(_) => {
                let message = "a list is compared with nothing; write `one-of`, or one test for each within `any` or `all`";
                self.wrong(pointer, message)
            }
            Value::Object(_) => {
                let message = "an object is compared with nothing; name a claim within it: `claim: /outer/inner`";
                self.wrong(pointer, message)
            }
        }
    }

    fn wrong<T>(&mut self, pointer: &str, message: impl Into<String>) -> Option<T> {
        self.problems.push(Problem::at(pointer, message));
        None
    }
}

impl RuleConfig {
    fn tests(&self) -> usize {
        [
            self.equals.is_some(),
            self.one_of.is_some(),
            self.contains.is_some(),
            self.prefix.is_some(),
            self.suffix.is_some(),
            self.exists.is_some(),
        ]
        .iter()
        .filter(|written| **written)
        .count()
    }
}
