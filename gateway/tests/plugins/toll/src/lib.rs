//! A plugin for tests: asks a rate limit for whom the request names, and holds what it gets as long as the exchange.

use witgate_plugin::{
    limits::{Decision, Limiter, Permit},
    prelude::*,
};

/// Which limit, and how much of it.
#[config]
struct Settings {
    limit: String,
    #[serde(default = "one")]
    cost: u32,
}

fn one() -> u32 {
    1
}

struct Toll {
    limiter: Limiter,
    cost: u32,
}

#[policy]
impl Policy for Toll {
    type Config = Settings;
    type State = Option<Permit>;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let limiter = Limiter::open(&settings.limit);
        Ok(Self {
            limiter: limiter.map_err(|why| vec![Problem::at("/limit", why)])?,
            cost: settings.cost,
        })
    }

    fn on_request(&self, request: &mut Request, state: &mut Option<Permit>) -> Result<Verdict> {
        let key = request.header("x-key");
        match self.limiter.ask(key.as_deref(), self.cost) {
            Decision::Admitted(admission) => {
                if let Some(remaining) = admission.remaining {
                    request.set_header("x-remaining", remaining.to_string())?;
                }
                *state = admission.permit;
                Ok(Verdict::Next)
            }
            Decision::Refused(refusal) => Ok(Reply::new(429)
                .header("retry-after", refusal.seconds().to_string())
                .header("x-cause", format!("{:?}", refusal.cause))
                .into()),
        }
    }
}
