//! The limiter of this process.

use std::sync::Arc;

use super::{
    Admission, Answer, Decision, Limiter, Permit, Question,
    bucket::{Cause, Refused, Terms},
    definition::{Definition, Missing},
    key::Key,
    store::{Shape, Store, Stores},
};

/// Counts in this process: exactly, over all workers.
#[derive(Debug)]
pub struct Local {
    terms: Terms,
    missing: Missing,
    store: Arc<Store>,
}

impl Local {
    /// Goes on with the counts of this name, if there are any of the same shape.
    pub(super) fn new(name: &Arc<str>, definition: &Definition, stores: &Stores) -> Self {
        let terms = &definition.terms;
        let by: Vec<_> = definition.by.iter().map(ToString::to_string).collect();
        let shape = Shape {
            by: by.join(" ").into(),
            periods: terms.rates.iter().map(|rate| rate.period()).collect(),
            compound: definition.by.is_empty() && !terms.is_one_rate(),
            most_keys: definition.most_keys,
        };
        Self {
            terms: terms.clone(),
            missing: definition.missing,
            store: stores.find(name, &shape),
        }
    }

    fn decide(&self, question: &Question) -> Decision {
        let key = match (question.key, self.missing) {
            (Some(key), _) => key,
            (None, _) if !self.store.is_keyed() => Key::NOBODY,
            (None, Missing::Shared) => Key::NOBODY,
            (None, Missing::Refuse) => {
                self.store.refuse_without_key();
                return Err(Refused::because(Cause::Key));
            }
            (None, Missing::Skip) => {
                self.store.skip();
                return Ok(Admission {
                    left: None,
                    permit: None,
                });
            }
        };
        let Question { cost, now, .. } = *question;
        let (verdict, key) = self.store.ask(&self.terms, key, cost, now);
        let left = verdict?;
        let lends = self.terms.concurrency.is_some() && cost > 0;
        let permit = lends.then(|| Permit {
            lender: Arc::clone(&self.store) as _,
            key,
        });
        Ok(Admission { left, permit })
    }
}

impl Limiter for Local {
    fn ask(&self, question: &Question) -> Answer {
        Answer::Now(self.decide(question))
    }
}
