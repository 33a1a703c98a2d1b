//! What the gateway keeps of an exchange, so that it goes on when another one has brought down the instance.
//!
//! While the request's body is read there is too much to keep; from its end on there are a few numbers, and what a
//! stream has left of a message that is not whole.

use std::rc::Rc;

use crate::{
    State,
    call::Call,
    plan::Plan,
    request::Incoming,
    response::{Outgoing, Stream},
    settings::{ErrorFormat, StreamFormat},
};

/// Bytes of a message that is not whole. More is not kept: such a stream breaks off.
const LONGEST_REST: usize = 4000;

const PASS: u8 = 0;
const LOST: u8 = 1;
const CALL: u8 = 2;

/// Empty when what is kept already still holds.
pub(crate) fn keep(state: &State) -> Vec<u8> {
    match state {
        State::Pass => vec![PASS],
        State::Call(call) if call.request.is_over() => call_to_bytes(call),
        State::Unknown | State::Call(_) => Vec::new(),
    }
}

pub(crate) fn recover(kept: &[u8], plans: &[Rc<Plan>]) -> Option<State> {
    match kept.split_first()? {
        (&PASS, []) => Some(State::Pass),
        (&CALL, rest) => call_from_bytes(rest, plans).map(|call| State::Call(Box::new(call))),
        _ => None,
    }
}

fn call_to_bytes(call: &Call) -> Vec<u8> {
    let mut out = vec![CALL];
    out.extend_from_slice(&call.plan.number.to_be_bytes());
    out.push(match call.error_format {
        ErrorFormat::Status => 0,
        ErrorFormat::Problem => 1,
    });
    out.push(match call.stream_format {
        StreamFormat::Array => 0,
        StreamFormat::Ndjson => 1,
        StreamFormat::Sse => 2,
    });
    let (kind, stream) = match &call.response {
        Outgoing::Awaited => (0, None),
        Outgoing::Unary => (1, None),
        Outgoing::Foreign => (2, None),
        Outgoing::AsItIs => (3, None),
        Outgoing::Stream(stream) => (4, Some(stream)),
    };
    out.push(kind);
    if let Some(stream) = stream {
        if stream.rest().len() > LONGEST_REST {
            return vec![LOST];
        }
        stream.keep(&mut out);
    }
    out
}

fn call_from_bytes(kept: &[u8], plans: &[Rc<Plan>]) -> Option<Call> {
    let (number, rest) = kept.split_first_chunk()?;
    let [error_format, stream_format, kind, rest @ ..] = rest else {
        return None;
    };
    let number = usize::try_from(u32::from_be_bytes(*number)).ok()?;
    Some(Call {
        plan: Rc::clone(plans.get(number)?),
        error_format: match error_format {
            0 => ErrorFormat::Status,
            _ => ErrorFormat::Problem,
        },
        stream_format: match stream_format {
            0 => StreamFormat::Array,
            1 => StreamFormat::Ndjson,
            _ => StreamFormat::Sse,
        },
        request: Incoming::over(),
        response: match kind {
            0 => Outgoing::Awaited,
            1 => Outgoing::Unary,
            2 => Outgoing::Foreign,
            3 => Outgoing::AsItIs,
            _ => Outgoing::Stream(Box::new(Stream::recover(rest)?)),
        },
    })
}
