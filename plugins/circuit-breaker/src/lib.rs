//! `circuit-breaker`: spares an upstream that fails, and its clients the wait.
//!
//! The gateway keeps the state: a circuit for each upstream, tenant … of the scope, and what is remembered of calls.
//! It turns requests away at an open circuit, and counts successes at a healthy one, without asking this component, which
//! is called at the end of other exchanges only: it says how a call went, and moves the circuit when that is too much. Needs the grants `gates` and `windows`.

mod breaker;
mod insight;
mod judgement;
mod quiet;
mod settings;
mod weights;

#[cfg(test)]
mod tests;

use witgate_plugin::prelude::*;

use breaker::Breaker;
use settings::Settings;

struct CircuitBreaker(Breaker);

#[policy]
impl Policy for CircuitBreaker {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Breaker::new(settings::prepare(settings)?).map(Self)
    }

    fn on_end(&self, summary: &Summary) {
        self.0.end(summary);
    }

    fn warnings(&self) -> Vec<Problem> {
        insight::warnings(self.0.settings())
    }

    fn explain(&self, _: &Asked) -> Option<String> {
        Some(insight::explain(self.0.settings()))
    }
}
