//! A plugin for tests: misbehaves as its configuration says.

mod deeds;

use deeds::Deed;
use witgate_plugin::{metrics::Counter, prelude::*};

/// What to do in each phase. Nothing, unless it is written.
#[config]
#[derive(Default)]
#[serde(default)]
struct Hostile {
    on_parse: Deed,
    on_request: Deed,
    on_request_body: Deed,
    on_response: Deed,
    on_response_body: Deed,
    on_end: Deed,
    /// Answered to `wait-body`; what `hold-first` holds less than.
    most: u64,
    /// For tests of what is shown of it: nothing.
    #[allow(dead_code, reason = "it only has to be there")]
    secret: Option<String>,
}

/// The phases that this exchange has seen.
#[derive(Default)]
struct Seen(Vec<&'static str>);

#[policy]
impl Policy for Hostile {
    type Config = Self;
    type State = Seen;

    fn new(config: Self) -> Result<Self, Vec<Problem>> {
        if let Deed::Fail = config.on_parse {
            return Err(vec![Problem::at(
                "/on-parse",
                "`fail` fails; write something else",
            )]);
        }
        config
            .on_parse
            .do_it()
            .map_err(|error| vec![Problem::at("", error.to_string())])?;
        Ok(config)
    }

    fn on_request(&self, request: &mut Request, state: &mut Seen) -> Result<Verdict> {
        state.0.push("request");
        match &self.on_request {
            Deed::Edit => deeds::edit_request(request)?,
            Deed::EditThenTrap => {
                deeds::edit_request(request)?;
                panic!("after the edit");
            }
            Deed::BadEdits => return Ok(deeds::bad_edits(request).into()),
            Deed::WaitBody => return Ok(Verdict::WaitBody(self.most)),
            Deed::Again => return Ok(Verdict::Again),
            Deed::HugeHostCall => request.set_header("x-huge", vec![b'x'; 2 << 20])?,
            deed => {
                if let Some(reply) = deed.do_it()? {
                    return Ok(reply.into());
                }
            }
        }
        Ok(Verdict::Next)
    }

    fn on_request_body(
        &self,
        request: &mut Request,
        chunk: Chunk,
        state: &mut Seen,
    ) -> Result<BodyAction> {
        state.0.push("request-body");
        if let Deed::WaitBody = self.on_request {
            request.set_header("x-length", chunk.bytes.len().to_string())?;
        }
        self.on_request_body.do_to(chunk)
    }

    fn on_response(&self, response: &mut Response, state: &mut Seen) -> Result<ResponseVerdict> {
        state.0.push("response");
        match &self.on_response {
            Deed::Edit => {
                response.set_header("x-seen", state.0.join(","))?;
                response.set_status(202)?;
            }
            Deed::WaitBody => return Ok(ResponseVerdict::WaitBody(self.most)),
            Deed::WaitFirst => return Ok(ResponseVerdict::WaitFirst),
            deed => {
                if let Some(reply) = deed.do_it()? {
                    return Ok(reply.into());
                }
            }
        }
        Ok(ResponseVerdict::Next)
    }

    fn on_response_body(
        &self,
        response: &mut Response,
        chunk: Chunk,
        state: &mut Seen,
    ) -> Result<BodyAction> {
        state.0.push("response-body");
        if let Deed::WaitBody = self.on_response {
            response.set_header("x-length", chunk.bytes.len().to_string())?;
        }
        let few = !chunk.last && (chunk.bytes.len() as u64) < self.most;
        if few && self.on_response_body == Deed::HoldFirst {
            return Ok(BodyAction::Hold);
        }
        if let Deed::WaitFirst = self.on_response {
            // Refused once the head has gone out.
            let edited = response.set_header("x-length", chunk.bytes.len().to_string());
            let edited = edited.and_then(|()| response.set_status(203));
            let sealed = edited.is_err().to_string();
            response.set_trailer("x-sealed", sealed)?;
        }
        if let Deed::Edit = self.on_response_body {
            response.set_trailer("x-trailer", "set")?;
        }
        self.on_response_body.do_to(chunk)
    }

    fn on_end(&self, summary: &Summary, state: &mut Seen) {
        let ending = match summary.ending() {
            Ending::Complete => "complete",
            Ending::ClientGone => "client-gone",
            Ending::UpstreamFailed => "upstream-failed",
            Ending::Timeout => "timeout",
            Ending::AnsweredHere => "answered-here",
        };
        let phases = state.0.len().to_string();
        Counter::new("ended", &[("ending", ending), ("phases", &phases)]).add(1);
        // A failure cannot be told: it traps.
        self.on_end.do_it().expect("no failure at the end");
    }
}
