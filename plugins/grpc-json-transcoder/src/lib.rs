//! `grpc-json-transcoder`: serves gRPC services as REST and JSON APIs, by their google.api.http rules.
//!
//! A request that a rule matches becomes a call: path, query, header fields and body become messages, and the
//! answer's messages become JSON. Requests that are gRPC already pass untouched. Needs the grants `descriptors` and `metrics`.

mod binding;
mod call;
#[cfg(test)]
mod cases;
mod code;
mod deadline;
mod explain;
mod frame;
mod http_body;
mod json;
mod lint;
mod mask;
mod matcher;
mod metadata;
mod negotiate;
mod openapi;
mod plan;
mod recovery;
mod refusal;
mod request;
mod response;
mod rules;
mod scalar;
mod schema;
mod settings;
mod status;
mod template;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transcoder;

use witgate_plugin::prelude::*;

use call::Call;
use settings::Settings;
use transcoder::Transcoder;

/// What is known of one exchange.
#[derive(Default)]
enum State {
    /// Nothing: the request has not been judged, or the instance that did it is gone.
    #[default]
    Unknown,
    /// The transcoder has no part in it.
    Pass,
    Call(Box<Call>),
}

#[policy]
impl Policy for Transcoder {
    type Config = Settings;
    type State = State;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Self::prepare(settings)
    }

    fn on_request(&self, request: &mut Request, state: &mut State) -> Result<Verdict> {
        let (judged, verdict) = self.judge(request)?;
        *state = judged;
        Ok(verdict)
    }

    fn on_request_body(
        &self,
        _request: &mut Request,
        chunk: Chunk,
        state: &mut State,
    ) -> Result<BodyAction> {
        match state {
            State::Call(call) => Ok(self.request_body(call, &chunk)),
            State::Pass => Ok(BodyAction::Done),
            State::Unknown => Err(LOST.into()),
        }
    }

    fn on_response(&self, response: &mut Response, state: &mut State) -> Result<ResponseVerdict> {
        match state {
            State::Call(call) => Ok(self.response_head(call, response)),
            State::Pass => Ok(ResponseVerdict::Next),
            State::Unknown => Err(LOST.into()),
        }
    }

    fn on_response_body(
        &self,
        response: &mut Response,
        chunk: Chunk,
        state: &mut State,
    ) -> Result<BodyAction> {
        match state {
            State::Call(call) => self.response_body(call, response, &chunk),
            State::Pass => Ok(BodyAction::Done),
            State::Unknown => Err(LOST.into()),
        }
    }

    fn keep(&self, state: &State) -> Vec<u8> {
        recovery::keep(state)
    }

    fn recover(&self, kept: &[u8]) -> Option<State> {
        recovery::recover(kept, &self.plans)
    }

    fn warnings(&self) -> Vec<Problem> {
        lint::warnings(&self.api, &self.settings)
    }

    fn explain(&self, asked: &Asked) -> Option<String> {
        Some(self.answer(asked).to_string())
    }

    fn openapi(&self) -> Option<String> {
        Some(self.document().to_string())
    }
}

const LOST: &str = "the instance that knew this exchange is gone";
