//! From the answer of a call to the response of an HTTP client.

mod sse;
mod stream;

use std::borrow::Cow;

use prost_reflect::DynamicMessage;
use witgate_plugin::{BodyAction, Chunk, Response, ResponseVerdict, metrics::Counter};

use crate::{
    code::Code,
    frame, http_body,
    json::{PrintOptions, Printer, Unprintable},
    metadata::{Fields, Metadata},
    plan::Plan,
    settings::{ErrorFormat, StreamDialect, StreamFormat},
    status::{Errors, Status},
};
pub(crate) use sse::Sse;
pub(crate) use stream::Stream;

const JSON: Cow<'static, str> = Cow::Borrowed("application/json");
/// How much of a body that is no gRPC is read to tell what was wrong.
const FOREIGN: u64 = 64 << 10;
/// What is collected for a unary answer at least, so that it is this side that says which limit it broke.
const COLLECTED: u64 = 64 << 10;

/// The response of one request, as far as it has come.
#[derive(Default)]
pub(crate) enum Outgoing {
    /// The head has not come.
    #[default]
    Awaited,
    /// One message, collected.
    Unary,
    Stream(Box<Stream>),
    /// An error that is no gRPC, with a body that may tell more.
    Foreign,
    /// Nothing of it is the transcoder's.
    AsItIs,
}

/// What one configuration and one request say about the response.
pub(crate) struct Writing<'s> {
    pub(crate) plan: &'s Plan,
    pub(crate) errors: &'s Errors,
    pub(crate) error_format: ErrorFormat,
    pub(crate) stream_format: StreamFormat,
    pub(crate) dialect: StreamDialect,
    pub(crate) print: PrintOptions,
    pub(crate) sse: &'s Sse,
    pub(crate) metadata: &'s Metadata,
    /// Counts the fields that the descriptors do not know.
    pub(crate) unknown: &'s Counter,
    /// Bytes of one message.
    pub(crate) limit: u64,
}

impl Outgoing {
    pub(crate) fn head(
        &mut self,
        writing: &Writing<'_>,
        response: &mut Response,
    ) -> ResponseVerdict {
        let content_type = response.header("content-type").unwrap_or_default();
        if !content_type.starts_with("application/grpc") {
            return self.foreign_head(response.status(), &content_type, writing);
        }
        if writing.plan.server_streaming {
            let mut stream = Box::new(Stream::default());
            let verdict = if stream.opens_early(writing, response) {
                ResponseVerdict::Next
            } else {
                ResponseVerdict::WaitFirst
            };
            if let Some(after) = writing.silence() {
                // A refusal is no reason to give up: the stream only lacks its comments.
                let _ = response.keep_alive(after, sse::COMMENT);
            }
            *self = Self::Stream(stream);
            return verdict;
        }
        *self = Self::Unary;
        let most = writing.limit.saturating_add(frame::PREFIX as u64);
        ResponseVerdict::WaitBody(most.max(COLLECTED))
    }

    /// Good answers pass: whoever gave them knows what a REST client wants.
    fn foreign_head(
        &mut self,
        status: u16,
        content_type: &str,
        writing: &Writing<'_>,
    ) -> ResponseVerdict {
        if status < 400 {
            *self = Self::AsItIs;
            return ResponseVerdict::Next;
        }
        if content_type.starts_with("application/problem+json") {
            // The gateway's own, or a policy's: it says what happened.
            *self = Self::Foreign;
            return ResponseVerdict::WaitBody(FOREIGN);
        }
        let status = Status::from_http(status, None);
        ResponseVerdict::Reply(writing.tell(&status).reply())
    }

    pub(crate) fn body(
        &mut self,
        writing: &Writing<'_>,
        response: &mut Response,
        chunk: &Chunk,
    ) -> witgate_plugin::Result<BodyAction> {
        Ok(match self {
            Self::Unary => BodyAction::Replace(writing.unary(response, &chunk.bytes)),
            Self::Stream(stream) => return stream.piece(writing, response, chunk),
            Self::Foreign => BodyAction::Replace(writing.foreign(response, &chunk.bytes)),
            Self::Awaited | Self::AsItIs => BodyAction::Done,
        })
    }
}

impl Writing<'_> {
    fn tell(&self, status: &Status) -> crate::status::Told {
        let pool = self.plan.output.parent_pool();
        self.errors.tell(status, self.error_format, pool)
    }

    /// The body of a unary answer; edits the head, which is still here.
    fn unary(&self, response: &mut Response, body: &[u8]) -> Vec<u8> {
        let fields = response.headers();
        let printed = match ended(response) {
            Some(status) => Err(status),
            None if !is_identity(&fields) => Err(compressed()),
            None => self.message(body),
        };
        let wanted = self.metadata.answer(&fields, response);
        self.metadata.trailers(response, true);
        match printed {
            Ok((content_type, body)) => {
                let _ = response.set_header("content-type", &*content_type);
                if let Some(status) = wanted {
                    let _ = response.set_status(status);
                }
                body
            }
            Err(status) => self.fail(response, &status),
        }
    }

    fn message(&self, body: &[u8]) -> Result<(Cow<'static, str>, Vec<u8>), Status> {
        let bytes = frame::single(body, self.limit).map_err(|error| error.status())?;
        let mut text = String::new();
        if self.print_directly(bytes, &mut text, self.print) {
            return Ok((JSON, text.into_bytes()));
        }
        let message = self.decode(bytes)?;
        if self.plan.raw_response {
            let body = http_body::of(&message, &self.plan.response_body);
            return Ok((raw_type(body.content_type).into(), body.data));
        }
        let mut text = self.print(&message, text, self.print)?;
        if self.print.whitespace {
            text.push('\n');
        }
        Ok((JSON, text.into_bytes()))
    }

    fn decode(&self, bytes: &[u8]) -> Result<DynamicMessage, Status> {
        DynamicMessage::decode(self.plan.output.clone(), bytes).map_err(|error| {
            let name = self.plan.output.full_name();
            let message = format!("the upstream's message is no {name}: {error}");
            Status::new(Code::Internal, message).with_http_status(502)
        })
    }

    /// Adds what of a message is printed.
    fn print(
        &self,
        message: &DynamicMessage,
        out: String,
        options: PrintOptions,
    ) -> Result<String, Status> {
        let mut printer = Printer::into_buffer(out, options);
        let printed = print_at(&mut printer, message, &self.plan.response_body);
        printed.map_err(|Unprintable(why)| {
            Status::new(
                Code::Internal,
                format!("the answer cannot be printed: {why}"),
            )
        })?;
        self.left_out(printer.unknown());
        Ok(printer.finish())
    }

    fn left_out(&self, unknown: u64) {
        if unknown > 0 {
            self.unknown.add(unknown);
        }
    }

    /// Adds a whole message as its bytes are; false if that is not the way to print it, and nothing is added.
    fn print_directly(&self, bytes: &[u8], out: &mut String, options: PrintOptions) -> bool {
        let Some(shapes) = self.plan.shapes() else {
            return false;
        };
        let before = out.len();
        // Names and quotes take about as much room again.
        out.reserve(2 * bytes.len());
        match shapes.print(bytes, &options, out) {
            Ok(unknown) => self.left_out(unknown),
            Err(_) => {
                out.truncate(before);
                return false;
            }
        }
        true
    }

    /// Makes the head, and gives the body, of an error.
    fn fail(&self, response: &mut Response, status: &Status) -> Vec<u8> {
        let told = self.tell(status);
        let _ = response.set_status(told.status);
        for (name, value) in told.fields {
            // What the service itself asked for is better known to it.
            let keep = name == "www-authenticate" && response.header(name).is_some();
            if !keep {
                let _ = response.set_header(name, value);
            }
        }
        told.body
    }

    /// An answer that is no gRPC: the gateway's own, as a rule.
    fn foreign(&self, response: &mut Response, body: &[u8]) -> Vec<u8> {
        let problem = serde_json::from_slice::<serde_json::Value>(body).ok();
        let detail = problem.and_then(|problem| {
            let detail = problem.get("detail")?.as_str()?;
            Some(detail.to_owned())
        });
        let status = Status::from_http(response.status(), detail);
        self.fail(response, &status)
    }
}

fn print_at(
    printer: &mut Printer,
    message: &DynamicMessage,
    path: &[prost_reflect::FieldDescriptor],
) -> Result<(), Unprintable> {
    match path {
        [] => printer.message(message),
        [field] => printer.field(field, &message.get_field(field)),
        [field, rest @ ..] => match message.get_field(field).as_message() {
            Some(inner) => print_at(printer, inner, rest),
            None => printer.message(message),
        },
    }
}

fn raw_type(content_type: Option<String>) -> String {
    content_type.unwrap_or_else(|| String::from("application/octet-stream"))
}

/// How the call ended, from the trailers or, if there is nothing but a head, from that; none if well.
fn ended(response: &Response) -> Option<Status> {
    if let Some(status) = response.trailer("grpc-status") {
        if status == "0" {
            return None;
        }
        return Status::from_fields(
            status.as_bytes(),
            response
                .trailer("grpc-message")
                .as_deref()
                .map(str::as_bytes),
            response
                .trailer("grpc-status-details-bin")
                .as_deref()
                .map(str::as_bytes),
        );
    }
    if let Some(status) = response.header_bytes("grpc-status") {
        return Status::from_fields(
            &status,
            response.header_bytes("grpc-message").as_deref(),
            response.header_bytes("grpc-status-details-bin").as_deref(),
        );
    }
    let status = response.status();
    Some(if status == 200 {
        let message = "the upstream ended the call without a status";
        Status::new(Code::Unknown, message).with_http_status(502)
    } else {
        Status::from_http(status, None)
    })
}

fn is_identity(fields: &Fields) -> bool {
    let mut fields = fields.iter();
    let encoding = fields.find(|(name, _)| name == "grpc-encoding");
    encoding.is_none_or(|(_, value)| value.eq_ignore_ascii_case(b"identity"))
}

fn compressed() -> Status {
    frame::FrameError::Compressed.status()
}
