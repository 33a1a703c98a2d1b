//! What people ask about a route, away from any exchange.

use prost_reflect::DynamicMessage;
use serde_json::{Value as Json, json};
use witgate_plugin::{Asked, Chunk};

use super::Transcoder;
use crate::{
    binding::Bound,
    code::Code,
    explain::{self, Question},
    frame::{FrameError, Frames},
    openapi,
    refusal::Refusal,
    request::Incoming,
    rules::Match,
};

impl Transcoder {
    /// What becomes of a request.
    pub(crate) fn answer(&self, asked: &Asked) -> Json {
        let content_type = asked.header("content-type").unwrap_or_default();
        if content_type.starts_with("application/grpc") {
            return json!({ "passes": "it is gRPC already" });
        }
        let question = Question {
            method: &asked.method,
            path_and_query: &asked.path_and_query,
            header: &|name| asked.header(name),
        };
        explain::explain(&self.api, &self.settings, question, |found, bound| {
            self.messages(asked, found, bound)
        })
    }

    /// An OpenAPI document.
    pub(crate) fn document(&self) -> Json {
        openapi::document(&self.api, &self.settings)
    }

    /// The messages of the call, as an exchange would send them.
    fn messages(
        &self,
        asked: &Asked,
        found: &Match<'_>,
        bound: Bound,
    ) -> Result<Vec<DynamicMessage>, Refusal> {
        let plan = self.plan(found)?;
        let reading = self.reading(&plan);
        let body = asked.body.clone().unwrap_or_default();
        let content_type = asked.header("content-type");
        let length = u64::try_from(body.len()).ok();
        let mut incoming = Incoming::new(&reading, bound, content_type.as_deref(), length)?;
        let whole = Chunk {
            bytes: body,
            last: true,
        };
        let frames = incoming.piece(&reading, &whole)?;
        let unreadable = |error: &dyn std::fmt::Debug| {
            Refusal::new(
                Code::Internal,
                format!("the message cannot be read: {error:?}"),
            )
        };
        let mut messages = Vec::new();
        let cut = Frames::default().feed(&frames, u64::MAX, |message| {
            messages.push(DynamicMessage::decode(plan.input.clone(), message));
            Ok::<_, FrameError>(())
        });
        cut.map_err(|error| unreadable(&error))?;
        let messages = messages.into_iter().collect::<Result<_, _>>();
        messages.map_err(|error| unreadable(&error))
    }
}
