//! Between the exports that `#[policy]` generates in the author's crate and the author's [`Policy`].
//!
//! The macros below are expanded there, beside the generated traits; each exports one phase.

use std::cell::RefCell;

use super::bindings::witgate::plugin::types;
use crate::{BodyAction, Error, Policy, Reply, config, error};

/// One route's configuration, as a resource that the gateway holds.
pub struct Configured<P>(pub P);

/// What is kept about one exchange, as a resource that the gateway holds. Calls into one instance never overlap,
/// and a phase never calls another, so the borrow always succeeds.
pub struct Kept<S>(RefCell<S>);

impl<S: Default + 'static> Kept<S> {
    pub fn new(state: S) -> Self {
        Self(RefCell::new(state))
    }

    /// A state without content has no resource: there is nothing to make, hold or drop.
    pub const fn is_empty() -> bool {
        size_of::<S>() == 0 && !std::mem::needs_drop::<S>()
    }

    pub fn with<T>(kept: Option<&Self>, call: impl FnOnce(&mut S) -> T) -> T {
        match kept {
            Some(kept) => call(&mut kept.0.borrow_mut()),
            None => call(&mut S::default()),
        }
    }
}

/// The head through which a phase reaches what the gateway keeps of its exchange.
pub trait Keeper {
    fn keep(&self, bytes: &[u8]);
    fn kept(&self) -> Option<Vec<u8>>;
}

impl Keeper for types::Request {
    fn keep(&self, bytes: &[u8]) {
        self.keep(bytes);
    }

    fn kept(&self) -> Option<Vec<u8>> {
        self.kept()
    }
}

impl Keeper for types::Response {
    fn keep(&self, bytes: &[u8]) {
        self.keep(bytes);
    }

    fn kept(&self) -> Option<Vec<u8>> {
        self.kept()
    }
}

/// After a phase: what another instance could go on from.
pub fn keep<P: Policy>(policy: &P, state: &P::State, keeper: &impl Keeper) {
    if P::KEEPS {
        let keeps = policy.keep(state);
        if !keeps.is_empty() {
            keeper.keep(&keeps);
        }
    }
}

/// Calls a phase with the state, or with what can be made of it again if it is lost.
pub fn in_state<P: Policy, T>(
    policy: &P,
    state: Option<&Kept<P::State>>,
    keeper: &impl Keeper,
    call: impl FnOnce(&mut P::State) -> T,
) -> T {
    let call = |state: &mut P::State| {
        let returned = call(state);
        keep(policy, state, keeper);
        returned
    };
    match state {
        Some(state) => call(&mut state.0.borrow_mut()),
        None => {
            let kept = P::KEEPS.then(|| keeper.kept()).flatten();
            let recovered = kept.and_then(|kept| policy.recover(&kept));
            call(&mut recovered.unwrap_or_default())
        }
    }
}

pub fn parse<P: Policy>(json: &str) -> Result<Configured<P>, Vec<config::Problem>> {
    config::parse(json).and_then(P::new).map(Configured)
}

pub fn schema<P: Policy>() -> String {
    config::schema::<P::Config>()
}

pub fn failure(failure: Error) -> types::Failure {
    types::Failure {
        message: error::chain(&*failure),
    }
}

pub fn reply(reply: Reply) -> types::Reply {
    types::Reply {
        status: reply.status,
        headers: reply.headers,
        body: reply.body,
    }
}

pub fn body_action(action: BodyAction) -> types::BodyAction {
    match action {
        BodyAction::Pass => types::BodyAction::Pass,
        BodyAction::Replace(bytes) => types::BodyAction::Replace(bytes),
        BodyAction::Hold => types::BodyAction::Hold,
        BodyAction::Done => types::BodyAction::Done,
        BodyAction::Reply(answer) => types::BodyAction::Reply(reply(answer)),
    }
}

/// `export policy`
#[doc(hidden)]
#[macro_export]
macro_rules! __export_policy {
    ($policy:ty) => {
        struct Component;
        type Configured = $crate::__private::glue::Configured<$policy>;
        type Kept = $crate::__private::glue::Kept<<$policy as $crate::Policy>::State>;

        impl exports::witgate::plugin::policy::Guest for Component {
            type Config = Configured;
            type State = Kept;
        }

        impl exports::witgate::plugin::policy::GuestState for Kept {}

        fn problem(problem: $crate::config::Problem) -> exports::witgate::plugin::policy::Problem {
            exports::witgate::plugin::policy::Problem {
                pointer: problem.pointer,
                message: problem.message,
            }
        }

        impl exports::witgate::plugin::policy::GuestConfig for Configured {
            fn parse(
                json: String,
            ) -> Result<
                exports::witgate::plugin::policy::Config,
                Vec<exports::witgate::plugin::policy::Problem>,
            > {
                match $crate::__private::glue::parse::<$policy>(&json) {
                    Ok(config) => Ok(exports::witgate::plugin::policy::Config::new(config)),
                    Err(problems) => Err(problems.into_iter().map(problem).collect()),
                }
            }

            fn schema() -> String {
                $crate::__private::glue::schema::<$policy>()
            }
        }
    };
}

/// `export on-request`
#[doc(hidden)]
#[macro_export]
macro_rules! __export_on_request {
    ($policy:ty) => {
        impl exports::witgate::plugin::on_request::Guest for Component {
            fn handle(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
                state: Option<exports::witgate::plugin::policy::StateBorrow<'_>>,
                request: &exports::witgate::plugin::on_request::Request,
            ) -> Result<
                exports::witgate::plugin::on_request::Outcome,
                exports::witgate::plugin::on_request::Failure,
            > {
                use exports::witgate::plugin::on_request;
                use $crate::{__private::glue, Policy, Request, Verdict};

                let policy = &config.get::<Configured>().0;
                let mut fresh = None;
                let verdict = {
                    let mut call = |state: &mut <$policy as Policy>::State| {
                        let verdict = policy.on_request(&mut Request::from_handle(request), state);
                        glue::keep(policy, state, request);
                        verdict
                    };
                    match &state {
                        Some(state) => Kept::with(Some(state.get::<Kept>()), call),
                        None => call(fresh.insert(Default::default())),
                    }
                }
                .map_err(glue::failure)?;
                let again = matches!(verdict, Verdict::Again);
                let stays = |state: &<$policy as Policy>::State| {
                    !Kept::is_empty() && (again || !<$policy as Policy>::is_spent(state))
                };
                Ok(on_request::Outcome {
                    verdict: match verdict {
                        Verdict::Next => on_request::Verdict::Next,
                        Verdict::Reply(reply) => on_request::Verdict::Reply(glue::reply(reply)),
                        Verdict::WaitBody(limit) => on_request::Verdict::WaitBody(limit),
                        Verdict::Again => on_request::Verdict::Again,
                    },
                    state: fresh.filter(stays).map(|state| {
                        exports::witgate::plugin::policy::State::new(Kept::new(state))
                    }),
                })
            }
        }
    };
}

/// `export on-request-body`
#[doc(hidden)]
#[macro_export]
macro_rules! __export_on_request_body {
    ($policy:ty) => {
        impl exports::witgate::plugin::on_request_body::Guest for Component {
            fn handle(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
                state: Option<exports::witgate::plugin::policy::StateBorrow<'_>>,
                request: &exports::witgate::plugin::on_request_body::Request,
                bytes: Vec<u8>,
                last: bool,
            ) -> Result<
                exports::witgate::plugin::on_request_body::BodyAction,
                exports::witgate::plugin::on_request_body::Failure,
            > {
                use $crate::{__private::glue, Chunk, Policy, Request};
                let policy = &config.get::<Configured>().0;
                let state = state.as_ref().map(|state| state.get::<Kept>());
                glue::in_state(policy, state, request, |state| {
                    let mut request = Request::from_handle(request);
                    policy.on_request_body(&mut request, Chunk { bytes, last }, state)
                })
                .map(glue::body_action)
                .map_err(glue::failure)
            }
        }
    };
}

/// `export on-response`
#[doc(hidden)]
#[macro_export]
macro_rules! __export_on_response {
    ($policy:ty) => {
        impl exports::witgate::plugin::on_response::Guest for Component {
            fn handle(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
                state: Option<exports::witgate::plugin::policy::StateBorrow<'_>>,
                response: &exports::witgate::plugin::on_response::Response,
            ) -> Result<
                exports::witgate::plugin::on_response::Verdict,
                exports::witgate::plugin::on_response::Failure,
            > {
                use exports::witgate::plugin::on_response::Verdict;
                use $crate::{__private::glue, Policy, Response, ResponseVerdict};
                let policy = &config.get::<Configured>().0;
                let state = state.as_ref().map(|state| state.get::<Kept>());
                let verdict = glue::in_state(policy, state, response, |state| {
                    policy.on_response(&mut Response::from_handle(response), state)
                })
                .map_err(glue::failure)?;
                Ok(match verdict {
                    ResponseVerdict::Next => Verdict::Next,
                    ResponseVerdict::Reply(reply) => Verdict::Reply(glue::reply(reply)),
                    ResponseVerdict::WaitBody(limit) => Verdict::WaitBody(limit),
                    ResponseVerdict::WaitFirst => Verdict::WaitFirst,
                })
            }
        }
    };
}

/// `export on-response-body`
#[doc(hidden)]
#[macro_export]
macro_rules! __export_on_response_body {
    ($policy:ty) => {
        impl exports::witgate::plugin::on_response_body::Guest for Component {
            fn handle(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
                state: Option<exports::witgate::plugin::policy::StateBorrow<'_>>,
                response: &exports::witgate::plugin::on_response_body::Response,
                bytes: Vec<u8>,
                last: bool,
            ) -> Result<
                exports::witgate::plugin::on_response_body::BodyAction,
                exports::witgate::plugin::on_response_body::Failure,
            > {
                use $crate::{__private::glue, Chunk, Policy, Response};
                let policy = &config.get::<Configured>().0;
                let state = state.as_ref().map(|state| state.get::<Kept>());
                glue::in_state(policy, state, response, |state| {
                    let mut response = Response::from_handle(response);
                    policy.on_response_body(&mut response, Chunk { bytes, last }, state)
                })
                .map(glue::body_action)
                .map_err(glue::failure)
            }
        }
    };
}

/// `export on-end`
#[doc(hidden)]
#[macro_export]
macro_rules! __export_on_end {
    ($policy:ty) => {
        impl exports::witgate::plugin::on_end::Guest for Component {
            fn handle(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
                state: Option<exports::witgate::plugin::policy::StateBorrow<'_>>,
                summary: &exports::witgate::plugin::on_end::Summary,
            ) {
                use $crate::{Policy, Summary};
                let policy = &config.get::<Configured>().0;
                Kept::with(state.as_ref().map(|state| state.get::<Kept>()), |state| {
                    policy.on_end(&Summary::from_handle(summary), state);
                });
            }
        }
    };
}

/// `export on-tick`
#[doc(hidden)]
#[macro_export]
macro_rules! __export_on_tick {
    ($policy:ty) => {
        impl exports::witgate::plugin::on_tick::Guest for Component {
            fn interval(config: exports::witgate::plugin::policy::ConfigBorrow<'_>) -> u64 {
                use $crate::Policy;
                let interval = config.get::<Configured>().0.tick_interval();
                u64::try_from(interval.as_millis()).unwrap_or(u64::MAX)
            }

            fn handle(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
            ) -> Result<(), exports::witgate::plugin::on_tick::Failure> {
                use $crate::{__private::glue, Policy};
                config
                    .get::<Configured>()
                    .0
                    .on_tick()
                    .map_err(glue::failure)
            }
        }
    };
}

/// `export insight`
#[doc(hidden)]
#[macro_export]
macro_rules! __export_insight {
    ($policy:ty) => {
        impl exports::witgate::plugin::insight::Guest for Component {
            fn warnings(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
            ) -> Vec<exports::witgate::plugin::policy::Problem> {
                use $crate::Policy;
                let warnings = config.get::<Configured>().0.warnings();
                warnings.into_iter().map(problem).collect()
            }

            fn explain(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
                asked: exports::witgate::plugin::insight::Asked,
            ) -> Option<String> {
                use $crate::{Asked, Policy};
                config.get::<Configured>().0.explain(&Asked {
                    method: asked.method,
                    path_and_query: asked.path_and_query,
                    headers: asked.headers,
                    body: asked.body,
                })
            }

            fn openapi(
                config: exports::witgate::plugin::policy::ConfigBorrow<'_>,
            ) -> Option<String> {
                use $crate::Policy;
                config.get::<Configured>().0.openapi()
            }
        }
    };
}
