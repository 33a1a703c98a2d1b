//! `access-control`: allows and denies requests by who asks, from where, and for what.
//!
//! The first rule that matches decides. What no rule matches is denied if there is a rule that allows something, else
//! allowed. It authenticates nobody: identities come from the policies before it, certificates from the listener.

mod conditions;
mod explain;
mod network;
mod overlap;
mod path;
mod peer;
mod rules;
mod settings;
mod subject;
#[cfg(test)]
mod tests;

use witgate_plugin::prelude::*;

use rules::{Decision, Rules, Why};
use settings::Settings;
use subject::Subject;

struct AccessControl {
    rules: Rules,
    challenge: String,
}

#[policy]
impl Policy for AccessControl {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let challenge = settings.challenge.clone();
        let rules = Rules::compile(settings);
        if challenge.is_empty() || !challenge.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            let message = "this cannot stand in `www-authenticate`; write a scheme, as `Bearer`";
            let problem = Problem::at("/challenge", message);
            let others = rules.err().unwrap_or_default();
            return Err(others.into_iter().chain([problem]).collect());
        }
        Ok(Self {
            rules: rules?,
            challenge,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        let (decision, why) = self.rules.decide(&Subject::of(request));
        if decision == Decision::Allow {
            return Ok(Verdict::Next);
        }
        request.note("access-denied");
        request.note(&why.note());
        Ok(self.refusal(&why).into())
    }

    fn warnings(&self) -> Vec<Problem> {
        overlap::warnings(&self.rules)
    }

    fn explain(&self, asked: &Asked) -> Option<String> {
        Some(explain::explain(&self.rules, asked).to_string())
    }
}

impl AccessControl {
    /// Nobody is told which rule it was: that would tell what to try next.
    fn refusal(&self, why: &Why) -> Reply {
        let reply = match why {
            Why::NobodyKnown => Reply::problem(
                401,
                "identity-missing",
                "This is only for those who say who they are.",
            )
            .header("www-authenticate", &self.challenge),
            Why::Rule(_) | Why::NoRule => {
                Reply::problem(403, "access-denied", "You may not do this.")
            }
        };
        reply.header("cache-control", "no-store")
    }
}
