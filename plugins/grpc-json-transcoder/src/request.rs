//! From the body of a request to the messages of a call.

mod direct;
mod elements;
mod multipart;

use prost_reflect::{DynamicMessage, Value};
use witgate_plugin::Chunk;

use crate::{
    binding::{self, Bound},
    code::Code,
    frame, http_body,
    json::{ReadOptions, Reader},
    mask,
    negotiate::{self, BodyType},
    plan::{self, Plan},
    refusal::Refusal,
    rules::BodyRule,
    settings::{Accept, Settings},
};
use elements::{Elements, Syntax};

/// What JSON bodies can be sent as.
const JSON: &str = "application/json";
const JSON_STREAM: &str = "application/json, application/x-ndjson";
/// How much of a raw body goes into one message.
const RAW_PIECE: usize = 1 << 20;

/// The body of one request, as far as it has come.
pub(crate) struct Incoming {
    how: How,
    /// Taken by the first message, unless every message gets them.
    bound: Option<Bound>,
    /// Of messages.
    count: usize,
    /// The body has ended.
    over: bool,
}

/// How a body becomes messages.
enum How {
    /// There is one message, and the body has nothing to say.
    Unread,
    Json,
    Form,
    Multipart {
        boundary: String,
    },
    Raw {
        content_type: Option<String>,
    },
    JsonStream(Elements),
    RawStream {
        content_type: Option<String>,
    },
}

/// What one configuration says about bodies of requests.
pub(crate) struct Reading<'s> {
    pub(crate) plan: &'s Plan,
    pub(crate) settings: &'s Settings,
    pub(crate) options: ReadOptions,
}

impl Incoming {
    /// Judges the type of the body before it comes. `length` is what `content-length` says.
    pub(crate) fn new(
        reading: &Reading<'_>,
        bound: Bound,
        content_type: Option<&str>,
        length: Option<u64>,
    ) -> Result<Self, Refusal> {
        let Reading { plan, settings, .. } = reading;
        let limit = settings.limits.request_message.0;
        let how = if matches!(plan.body, BodyRule::None) {
            How::Unread
        } else if plan.raw_request && plan.client_streaming {
            How::RawStream {
                content_type: content_type.map(str::to_owned),
            }
        } else {
            // An empty body has no type that matters.
            let content_type = content_type.filter(|_| length != Some(0));
            of_type(plan, settings, content_type)?
        };
        let unbounded = matches!(how, How::RawStream { .. } | How::JsonStream(_));
        if let Some(length) = length.filter(|length| *length > limit && !unbounded) {
            let message = format!("a body of {length} bytes is over the limit of {limit}");
            return Err(Refusal::with_status(Code::ResourceExhausted, 413, message));
        }
        Ok(Self {
            how,
            bound: Some(bound),
            count: 0,
            over: false,
        })
    }

    /// One whose body has ended.
    pub(crate) fn over() -> Self {
        Self {
            how: How::Unread,
            bound: None,
            count: 0,
            over: true,
        }
    }

    /// Whether its body has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether messages go out before the whole body is there.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.how, How::RawStream { .. } | How::JsonStream(_))
    }

    /// The messages that are complete with this piece, framed.
    pub(crate) fn piece(
        &mut self,
        reading: &Reading<'_>,
        chunk: &Chunk,
    ) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        self.over = chunk.last;
        let Self {
            how, bound, count, ..
        } = self;
        let mut emit = |mut message: DynamicMessage| {
            if let Some(bound) = bound.as_ref() {
                bound.apply(&mut message)?;
            }
            if !reading.settings.streams.bind_every {
                bound.take();
            }
            *count += 1;
            frame::append(&message, &mut out);
            Ok(())
        };
        match how {
            How::RawStream { content_type } => {
                let mut pieces = chunk.bytes.chunks(RAW_PIECE).peekable();
                // What is empty still says what it would have been.
                let alone = chunk.last && content_type.is_some() && pieces.peek().is_none();
                for piece in pieces.chain(alone.then_some(&[][..])) {
                    emit(reading.raw(content_type.take().as_deref(), piece))?;
                }
            }
            How::JsonStream(elements) => {
                elements.feed(&chunk.bytes, |element| emit(reading.json(element)?))?;
                if chunk.last {
                    elements.end(|element| emit(reading.json(element)?))?;
                }
            }
            _ => return self.whole(reading, &chunk.bytes),
        }
        Ok(out)
    }

    /// The one message of a body that is all there.
    fn whole(&mut self, reading: &Reading<'_>, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let plain = match &self.how {
            How::Unread => body.is_empty(),
            how => matches!(how, How::Json),
        };
        if plain && let Some(framed) = reading.directly(self.bound.as_ref(), body) {
            return Ok(framed);
        }
        let mut message = match &self.how {
            How::Form => reading.form(body)?,
            How::Multipart { boundary } => reading.multipart(boundary, body)?,
            How::Raw { content_type } => reading.raw(content_type.as_deref(), body),
            How::Unread => {
                let refused = reading.settings.body.unexpected == Accept::Refuse;
                if refused && !body.is_empty() {
                    return Err(Refusal::invalid("", "this request takes no body"));
                }
                DynamicMessage::new(reading.plan.input.clone())
            }
            _ => reading.json(body)?,
        };
        if let Some(bound) = self.bound.take() {
            bound.apply(&mut message)?;
        }
        if let (How::Json, Some(mask), BodyRule::Field(path)) =
            (&self.how, &reading.plan.mask, &reading.plan.body)
            && let Some(field) = path.first()
        {
            mask::fill(&mut message, mask, field, body, reading.options.bounds)
                .map_err(|error| error.refusal(body))?;
        }
        let mut out = Vec::with_capacity(body.len() + 32);
        frame::append(&message, &mut out);
        Ok(out)
    }
}

fn of_type(plan: &Plan, settings: &Settings, content_type: Option<&str>) -> Result<How, Refusal> {
    let found = BodyType::of(content_type);
    if plan.raw_request && !(found == BodyType::Multipart && settings.body.multipart) {
        return Ok(How::Raw {
            content_type: content_type.map(str::to_owned),
        });
    }
    let stream = plan.client_streaming;
    let concatenated = settings.streams.dialect == crate::settings::StreamDialect::GrpcGateway;
    let limit = settings.limits.request_message.0;
    let elements = |syntax| Ok(How::JsonStream(Elements::new(syntax, limit)));
    match found {
        BodyType::Json if stream && concatenated => elements(Syntax::Either),
        BodyType::Json if stream => elements(Syntax::Array),
        BodyType::Json => Ok(How::Json),
        BodyType::Lines if stream => elements(Syntax::Lines),
        BodyType::Form if settings.body.form && !stream => Ok(How::Form),
        BodyType::Multipart if settings.body.multipart && !stream => {
            let content_type = content_type.unwrap_or_default();
            let boundary = multipart::boundary(content_type).ok_or_else(|| {
                Refusal::invalid("", "multipart/form-data needs its `boundary` parameter")
            })?;
            Ok(How::Multipart { boundary })
        }
        _ => Err(negotiate::unsupported(
            content_type.unwrap_or_default(),
            if stream { JSON_STREAM } else { JSON },
        )),
    }
}

impl Reading<'_> {
    fn json(&self, text: &[u8]) -> Result<DynamicMessage, Refusal> {
        let plan = self.plan;
        let mut message = DynamicMessage::new(plan.input.clone());
        if text.is_empty() {
            return Ok(message);
        }
        let reader = Reader::new(text, &self.options).map_err(|error| error.refusal(text))?;
        let read = match &plan.body {
            BodyRule::Field(path) => match path.last() {
                Some(field) => reader.field(field).map(|value| {
                    if let Some(value) = value {
                        plan::set(&mut message, path, value);
                    }
                    message
                }),
                None => Ok(message),
            },
            BodyRule::Whole | BodyRule::None => reader.message(&plan.input),
        };
        read.map_err(|error| error.refusal(text))
    }

    fn raw(&self, content_type: Option<&str>, data: &[u8]) -> DynamicMessage {
        let path = match &self.plan.body {
            BodyRule::Field(path) => path.as_slice(),
            BodyRule::Whole | BodyRule::None => &[],
        };
        let mut message = DynamicMessage::new(self.plan.input.clone());
        let descriptor = http_body::descriptor(&self.plan.input, path);
        let body = http_body::message(&descriptor, content_type, data);
        plan::set(&mut message, path, Value::Message(body));
        message
    }

    fn form(&self, body: &[u8]) -> Result<DynamicMessage, Refusal> {
        let text =
            std::str::from_utf8(body).map_err(|_| Refusal::invalid("", "the form is not UTF-8"))?;
        let mut message = DynamicMessage::new(self.plan.input.clone());
        let path = match &self.plan.body {
            BodyRule::Field(path) => path.as_slice(),
            BodyRule::Whole | BodyRule::None => &[],
        };
        let descriptor = http_body::descriptor(&self.plan.input, path);
        let mut body = DynamicMessage::new(descriptor.clone());
        binding::bind_form(&descriptor, text, self.settings)?.apply(&mut body)?;
        plan::set(&mut message, path, Value::Message(body));
        Ok(message)
    }

    fn multipart(&self, boundary: &str, body: &[u8]) -> Result<DynamicMessage, Refusal> {
        let mut message = DynamicMessage::new(self.plan.input.clone());
        multipart::read(boundary, body, &mut message, self.settings)?;
        Ok(message)
    }
}
