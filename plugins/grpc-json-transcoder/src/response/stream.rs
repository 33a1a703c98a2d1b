//! A stream of messages, as it arrives, in the format that the client wants.
//!
//! The head is held back until the first message, so that a call which ends before it gets the status that it
//! deserves. An error after that is the last thing in the stream, in any format: it is never hidden.

use std::time::Duration;

use prost_reflect::DynamicMessage;
use witgate_plugin::{BodyAction, Chunk, Response};

use super::{Sse, Writing, compressed, ended, is_identity, raw_type};
use crate::{
    frame::{FrameError, Frames},
    http_body,
    settings::{StreamDialect, StreamFormat},
    status::Status,
};

/// From this size on a first message may come in pieces after the head.
const LARGE: usize = 64 << 10;

#[derive(Default)]
pub(crate) struct Stream {
    frames: Frames,
    /// The head is made.
    begun: bool,
    /// Messages that have been printed.
    count: usize,
    /// An error ended it; what still comes counts no more.
    over: bool,
}

impl From<FrameError> for Status {
    fn from(error: FrameError) -> Self {
        error.status()
    }
}

impl Stream {
    /// Whether the head can go out before the first message, and is made: only for events, if that is asked for.
    pub(super) fn opens_early(&mut self, writing: &Writing<'_>, response: &mut Response) -> bool {
        let events = writing.is(StreamFormat::Sse) && writing.sse.opening;
        let running = response.status() == 200 && response.header("grpc-status").is_none();
        if events && running && is_identity(&response.headers()) {
            self.begin(writing, response, None);
            return true;
        }
        false
    }

    /// What a message has that is not whole.
    pub(crate) fn rest(&self) -> &[u8] {
        self.frames.rest()
    }

    /// Appends all that it knows.
    pub(crate) fn keep(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.begun) | u8::from(self.over) << 1);
        out.extend_from_slice(&(self.count as u64).to_be_bytes());
        out.extend_from_slice(self.rest());
    }

    /// One that goes on from what `keep` appended.
    pub(crate) fn recover(kept: &[u8]) -> Option<Self> {
        let (flags, kept) = kept.split_first()?;
        let (count, rest) = kept.split_first_chunk()?;
        Some(Self {
            frames: Frames::begin(rest),
            begun: flags & 1 != 0,
            over: flags & 2 != 0,
            count: usize::try_from(u64::from_be_bytes(*count)).ok()?,
        })
    }

    pub(super) fn piece(
        &mut self,
        writing: &Writing<'_>,
        response: &mut Response,
        chunk: &Chunk,
    ) -> witgate_plugin::Result<BodyAction> {
        if self.over {
            return Ok(BodyAction::Replace(Vec::new()));
        }
        let mut out = Vec::new();
        let mut failed = self
            .messages(writing, response, &chunk.bytes, &mut out)
            .err();
        if chunk.last && failed.is_none() {
            failed = ended(response).or_else(|| self.frames.end().err().map(Status::from));
        }
        if let Some(status) = failed {
            self.over = true;
            return self.fail(writing, response, &status, out);
        }
        if chunk.last {
            self.finish(writing, response, &mut out);
        } else if !self.begun {
            if !self.is_large(writing) {
                // It comes again, with what follows.
                self.frames = Frames::default();
                return Ok(BodyAction::Hold);
            }
            self.begin(writing, response, None);
        }
        Ok(BodyAction::Replace(out))
    }

    /// Whether a message has begun that is too long to be held, in a format that can begin without it.
    fn is_large(&self, writing: &Writing<'_>) -> bool {
        let announced = self.frames.announced(writing.limit);
        !writing.plan.raw_response && announced.is_some_and(|length| length >= LARGE)
    }

    fn messages(
        &mut self,
        writing: &Writing<'_>,
        response: &mut Response,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        if !self.begun && !bytes.is_empty() && !is_identity(&response.headers()) {
            return Err(compressed());
        }
        let mut frames = std::mem::take(&mut self.frames);
        let fed = frames.feed(bytes, writing.limit, |bytes| {
            self.message(writing, response, bytes, out)
        });
        self.frames = frames;
        fed
    }

    fn message(
        &mut self,
        writing: &Writing<'_>,
        response: &mut Response,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        if writing.plan.raw_response {
            let message = writing.decode(bytes)?;
            let body = http_body::of(&message, &writing.plan.response_body);
            if !self.begun {
                self.begin(writing, response, Some(&raw_type(body.content_type)));
            }
            self.count += 1;
            out.extend_from_slice(&body.data);
            return Ok(());
        }
        let mut text = String::new();
        let mut read = None;
        if writing.is(StreamFormat::Sse) && writing.sse.reads_fields() {
            read = Some(writing.decode(bytes)?);
        }
        self.open(writing, read.as_ref(), &mut text);
        let options = match (writing.dialect, writing.stream_format) {
            (StreamDialect::Plain, StreamFormat::Array) => writing.print,
            _ => writing.print.on_one_line(),
        };
        if !writing.print_directly(bytes, &mut text, options) {
            let message = match read {
                Some(message) => message,
                None => writing.decode(bytes)?,
            };
            text = writing.print(&message, text, options)?;
        }
        match (writing.dialect, writing.stream_format) {
            (StreamDialect::GrpcGateway, _) => text.push_str("}\n"),
            (_, StreamFormat::Array) => {}
            (_, StreamFormat::Ndjson) => text.push('\n'),
            (_, StreamFormat::Sse) => Sse::close(&mut text),
        }
        if !self.begun {
            self.begin(writing, response, None);
        }
        self.count += 1;
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// What stands before a message.
    fn open(&self, writing: &Writing<'_>, message: Option<&DynamicMessage>, text: &mut String) {
        match (writing.dialect, writing.stream_format) {
            (StreamDialect::GrpcGateway, _) => text.push_str("{\"result\":"),
            (_, StreamFormat::Array) => text.push(if self.count == 0 { '[' } else { ',' }),
            (_, StreamFormat::Ndjson) => {}
            (_, StreamFormat::Sse) => {
                if self.count == 0 {
                    writing.sse.begin(text);
                }
                writing.sse.open(message, text);
            }
        }
    }

    /// Makes the head of a good answer.
    fn begin(
        &mut self,
        writing: &Writing<'_>,
        response: &mut Response,
        content_type: Option<&str>,
    ) {
        self.begun = true;
        let wanted = writing.metadata.answer(&response.headers(), response);
        let content_type = content_type.unwrap_or_else(|| writing.media_type());
        let _ = response.set_header("content-type", content_type);
        if writing.is(StreamFormat::Sse) {
            let _ = response.set_header("cache-control", "no-cache");
        }
        if let Some(status) = wanted {
            let _ = response.set_status(status);
        }
    }

    /// Ends a stream that went well.
    fn finish(&mut self, writing: &Writing<'_>, response: &mut Response, out: &mut Vec<u8>) {
        writing.metadata.trailers(response, !self.begun);
        if !self.begun {
            let raw = writing.plan.raw_response.then(|| raw_type(None));
            self.begin(writing, response, raw.as_deref());
        }
        if writing.plan.raw_response || writing.dialect == StreamDialect::GrpcGateway {
            return;
        }
        let end: &str = match writing.stream_format {
            StreamFormat::Array if self.count == 0 => "[]",
            StreamFormat::Array => "]",
            StreamFormat::Ndjson => "",
            // Without it a browser would take the end for a broken connection, and come again.
            StreamFormat::Sse => "event: end\ndata: {}\n\n",
        };
        out.extend_from_slice(end.as_bytes());
    }

    /// The error as the whole answer if nothing has gone out, else as the last thing after `out`.
    fn fail(
        &self,
        writing: &Writing<'_>,
        response: &mut Response,
        status: &Status,
        mut out: Vec<u8>,
    ) -> witgate_plugin::Result<BodyAction> {
        if !self.begun {
            writing.metadata.answer(&response.headers(), response);
            writing.metadata.trailers(response, true);
            return Ok(BodyAction::Replace(writing.fail(response, status)));
        }
        writing.metadata.trailers(response, false);
        if writing.plan.raw_response {
            // There is no place for an error among bytes of any type: the gateway breaks the body off.
            let code = status.code.name();
            return Err(format!(
                "the call ended with {code} within its body: {}",
                status.message
            )
            .into());
        }
        let json = writing
            .errors
            .json(status, writing.plan.output.parent_pool());
        let text = match (writing.dialect, writing.stream_format) {
            (StreamDialect::Plain, StreamFormat::Array) => {
                let open = if self.count == 0 { '[' } else { ',' };
                format!("{open}{{\"error\":{json}}}]")
            }
            (StreamDialect::Plain, StreamFormat::Sse) => format!("event: error\ndata: {json}\n\n"),
            _ => format!("{{\"error\":{json}}}\n"),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(BodyAction::Replace(out))
    }
}

impl Writing<'_> {
    fn is(&self, format: StreamFormat) -> bool {
        self.dialect == StreamDialect::Plain
            && !self.plan.raw_response
            && self.stream_format == format
    }

    /// How long a stream of events may be silent before a comment is sent.
    pub(super) fn silence(&self) -> Option<Duration> {
        self.is(StreamFormat::Sse)
            .then_some(self.sse.keep_alive)
            .flatten()
    }

    fn media_type(&self) -> &'static str {
        match (self.dialect, self.stream_format) {
            (StreamDialect::GrpcGateway, _) | (_, StreamFormat::Array) => "application/json",
            (_, StreamFormat::Ndjson) => "application/x-ndjson",
            (_, StreamFormat::Sse) => "text/event-stream",
        }
    }
}
