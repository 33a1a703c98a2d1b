//! One route's configuration, and each phase of an exchange on it.

mod insight;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use prost_reflect::DescriptorPool;
use witgate_plugin::{Result, metrics::Counter, prelude::*};

use crate::{
    State, binding,
    call::Call,
    deadline,
    json::{PrintOptions, ReadOptions},
    matcher::Miss,
    metadata::{Fields, Metadata},
    negotiate::Accept,
    plan::Plan,
    refusal::{Code, Refusal},
    request::{Incoming, Reading},
    response::{Outgoing, Sse, Writing},
    rules::{Api, Match},
    schema,
    settings::{ErrorFormat, Settings, UnknownPath},
    status::{Errors, Status},
};

/// One route's configuration, prepared.
pub(crate) struct Transcoder {
    pool: Rc<DescriptorPool>,
    pub(crate) api: Api,
    /// In the order of the rules.
    pub(crate) plans: Vec<Rc<Plan>>,
    pub(crate) settings: Settings,
    read: ReadOptions,
    print: PrintOptions,
    errors: Errors,
    sse: Sse,
    metadata: Metadata,
    unknown: Counter,
}

/// Why a request does not become a call.
enum NoCall {
    Refused(Refusal),
    /// It goes on as it is.
    Pass,
    /// 308, to this path.
    Moved(String),
    /// OPTIONS, answered with the methods that the path takes (RFC 9110 section 9.3.7).
    Options(String),
}

impl From<Refusal> for NoCall {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Transcoder {
    pub(crate) fn prepare(settings: Settings) -> Result<Self, Vec<Problem>> {
        let pool = schema::open(&settings.descriptors)
            .map_err(|message| vec![Problem::at("/descriptors", message)])?;
        let api = Api::compile(&pool, &settings)?;
        let plans = (0..).zip(api.rules());
        Ok(Self {
            plans: plans
                .map(|(number, rule)| {
                    let mut plan = Plan::new(rule, &settings);
                    plan.number = number;
                    Rc::new(plan)
                })
                .collect(),
            read: ReadOptions::from(&settings),
            print: PrintOptions::new(&settings.print, settings.limits.depth),
            errors: Errors::new(&settings.errors),
            sse: Sse::new(&settings.streams.sse),
            metadata: Metadata::new(&settings.metadata),
            unknown: Counter::new("unknown_response_fields_total", &[]),
            pool,
            api,
            settings,
        })
    }

    /// Judges a request's head and makes it that of a call.
    pub(crate) fn judge(&self, request: &mut Request) -> Result<(State, Verdict)> {
        let fields = request.headers();
        let content_type = text(&fields, "content-type");
        if content_type.is_some_and(|value| value.starts_with("application/grpc")) {
            return Ok((State::Pass, Verdict::Next));
        }
        let accept = Accept::new(text(&fields, "accept"));
        let error_format = accept.errors(self.errors.format());
        match self.begin(request, &fields, accept, error_format) {
            Ok(call) if call.request.is_stream() => {
                Ok((State::Call(Box::new(call)), Verdict::Next))
            }
            Ok(call) => {
                let most = self.settings.limits.request_message.0;
                Ok((State::Call(Box::new(call)), Verdict::WaitBody(most)))
            }
            Err(NoCall::Pass) => Ok((State::Pass, Verdict::Next)),
            Err(NoCall::Refused(refusal)) => {
                let reply = self.refuse(refusal, error_format);
                Ok((State::Pass, Verdict::Reply(reply)))
            }
            Err(NoCall::Moved(target)) => {
                let reply = Reply::new(308).header("location", target);
                Ok((State::Pass, Verdict::Reply(reply)))
            }
            Err(NoCall::Options(methods)) => {
                let reply = Reply::new(204).header("allow", methods);
                Ok((State::Pass, Verdict::Reply(reply)))
            }
        }
    }

    fn refuse(&self, refusal: Refusal, format: ErrorFormat) -> Reply {
        let told = self.errors.tell(&Status::from(refusal), format, &self.pool);
        told.reply()
    }

    fn begin(
        &self,
        request: &mut Request,
        fields: &Fields,
        accept: Accept<'_>,
        error_format: ErrorFormat,
    ) -> Result<Call, NoCall> {
        let (method, path, query) = (request.method(), request.path(), request.query());
        let found = match self.api.find(&method, &path) {
            Ok(found) => found,
            Err(miss) => return Err(self.miss(&miss, &method, &path, query.as_deref())),
        };
        let plan = self.plan(&found)?;
        let stream_format = self.settings.streams.format;
        let stream_format = match (plan.raw_response, plan.server_streaming) {
            (true, _) => stream_format,
            (false, true) => accept.stream(stream_format)?,
            (false, false) => accept.json().map(|()| stream_format)?,
        };
        let mut bound = binding::bind(&found, query.as_deref(), &self.settings)?;
        let header = |name: &str| text(fields, name).map(str::to_owned);
        bound.bind_headers(&found, header, &self.settings)?;
        let reading = self.reading(&plan);
        let length = text(fields, "content-length").and_then(|length| length.parse().ok());
        if let Some(encoding) = text(fields, "content-encoding")
            && !encoding.eq_ignore_ascii_case("identity")
        {
            let message =
                format!("a body in the coding `{encoding}` is not taken here; send it without");
            let refusal = Refusal::with_status(Code::InvalidArgument, 415, message);
            return Err(refusal.into());
        }
        let incoming = Incoming::new(&reading, bound, text(fields, "content-type"), length)?;
        let is_bound = |name: &str| found.rule.headers.iter().any(|(known, _)| known == name);
        let timeout = self.metadata.call(fields, is_bound, request)?;
        let timeout = timeout.map(deadline::print);
        make_call(request, &method, &plan, timeout.as_deref()).map_err(|error| {
            Refusal::new(Code::Internal, format!("the call cannot be made: {error}"))
        })?;
        Ok(Call {
            plan,
            error_format,
            stream_format,
            request: incoming,
            response: Outgoing::default(),
        })
    }

    fn miss(&self, miss: &Miss, method: &str, path: &str, query: Option<&str>) -> NoCall {
        match miss {
            Miss::Unknown if self.settings.path.unknown == UnknownPath::Pass => NoCall::Pass,
            Miss::Slash(bare) => NoCall::Moved(match query {
                Some(query) => format!("{bare}?{query}"),
                None => bare.clone(),
            }),
            Miss::Method(methods) if method == "OPTIONS" => NoCall::Options(methods.join(", ")),
            miss => NoCall::Refused(miss.refusal(method, path)),
        }
    }

    fn plan(&self, found: &Match<'_>) -> Result<Rc<Plan>, Refusal> {
        let place = self.api.rules().element_offset(found.rule);
        place
            .and_then(|place| self.plans.get(place).cloned())
            .ok_or_else(|| Refusal::new(Code::Internal, "the rule has no plan"))
    }

    fn reading<'s>(&'s self, plan: &'s Plan) -> Reading<'s> {
        Reading {
            plan,
            settings: &self.settings,
            options: self.read,
        }
    }

    pub(crate) fn request_body(&self, call: &mut Call, chunk: &Chunk) -> BodyAction {
        let reading = self.reading(&call.plan);
        match call.request.piece(&reading, chunk) {
            Ok(messages) => BodyAction::Replace(messages),
            Err(refusal) => BodyAction::Reply(self.refuse(refusal, call.error_format)),
        }
    }

    fn writing<'s>(&'s self, call: &'s Call, plan: &'s Plan) -> Writing<'s> {
        Writing {
            plan,
            errors: &self.errors,
            error_format: call.error_format,
            stream_format: call.stream_format,
            dialect: self.settings.streams.dialect,
            print: self.print,
            sse: &self.sse,
            metadata: &self.metadata,
            unknown: &self.unknown,
            limit: self.settings.limits.response_message.0,
        }
    }

    pub(crate) fn response_head(
        &self,
        call: &mut Call,
        response: &mut Response,
    ) -> ResponseVerdict {
        let mut outgoing = std::mem::take(&mut call.response);
        let verdict = outgoing.head(&self.writing(call, &call.plan), response);
        call.response = outgoing;
        verdict
    }

    pub(crate) fn response_body(
        &self,
        call: &mut Call,
        response: &mut Response,
        chunk: &Chunk,
    ) -> Result<BodyAction> {
        let mut outgoing = std::mem::take(&mut call.response);
        let action = outgoing.body(&self.writing(call, &call.plan), response, chunk);
        call.response = outgoing;
        action
    }
}

/// The head of a call (gRPC over HTTP/2, "Requests"); what is left of the fields is metadata. Without
/// `grpc-accept-encoding` messages come uncompressed.
fn make_call(
    request: &mut Request,
    method: &str,
    plan: &Plan,
    timeout: Option<&str>,
) -> Result<(), witgate_plugin::EditError> {
    if method != "POST" {
        request.set_method("POST")?;
    }
    request.set_path(&plan.path)?;
    request.set_header("content-type", "application/grpc")?;
    match timeout {
        Some(timeout) => request.set_header("grpc-timeout", timeout),
        None => Ok(()),
    }
}

/// The first value of a field, if it is text.
fn text<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    let (_, value) = fields.iter().find(|(known, _)| known == name)?;
    std::str::from_utf8(value).ok()
}
