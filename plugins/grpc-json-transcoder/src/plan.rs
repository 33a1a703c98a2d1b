//! What a rule means for bodies, worked out once.

use std::cell::OnceCell;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::{
    json::Shapes,
    rules::{BodyRule, Rule},
    settings::Settings,
};

const HTTP_BODY: &str = "google.api.HttpBody";
const FIELD_MASK: &str = "google.protobuf.FieldMask";

/// What a rule means for bodies.
pub(crate) struct Plan {
    /// Its place among the plans of one configuration.
    pub(crate) number: u32,
    /// `/package.Service/Method`.
    pub(crate) path: String,
    pub(crate) input: MessageDescriptor,
    pub(crate) output: MessageDescriptor,
    /// For printing the whole answer, when it has been asked for.
    shapes: OnceCell<Shapes>,
    /// For writing what the body is, likewise.
    body_shapes: OnceCell<Option<Shapes>>,
    pub(crate) client_streaming: bool,
    pub(crate) server_streaming: bool,
    pub(crate) body: BodyRule,
    /// The body goes into a google.api.HttpBody as it is, rather than being JSON.
    pub(crate) raw_request: bool,
    /// What of the answer is printed; empty for the whole.
    pub(crate) response_body: Vec<FieldDescriptor>,
    /// What is printed is a google.api.HttpBody, which goes out as it is.
    pub(crate) raw_response: bool,
    /// The update mask that is made of the body's members, if the client gives none.
    pub(crate) mask: Option<FieldDescriptor>,
}

impl Plan {
    pub(crate) fn new(rule: &Rule, settings: &Settings) -> Self {
        let (input, output) = (rule.rpc.input(), rule.rpc.output());
        let raw_request = match &rule.body {
            BodyRule::None => false,
            BodyRule::Whole => input.full_name() == HTTP_BODY,
            BodyRule::Field(path) => path.last().is_some_and(is_http_body),
        };
        let raw_response = match rule.response_body.last() {
            None => output.full_name() == HTTP_BODY,
            Some(field) => is_http_body(field),
        };
        let masks = rule.method == "PATCH" && settings.body.patch_field_mask;
        Self {
            number: 0,
            path: rule.call_path.clone(),
            client_streaming: rule.rpc.is_client_streaming(),
            server_streaming: rule.rpc.is_server_streaming(),
            mask: masks.then(|| mask(&input, &rule.body)).flatten(),
            body: rule.body.clone(),
            raw_request,
            response_body: rule.response_body.clone(),
            raw_response,
            shapes: OnceCell::new(),
            body_shapes: OnceCell::new(),
            input,
            output,
        }
    }
}

impl Plan {
    /// For printing the whole answer from its bytes; none if something else of it is printed.
    pub(crate) fn shapes(&self) -> Option<&Shapes> {
        let whole = self.response_body.is_empty() && !self.raw_response;
        whole.then(|| self.shapes.get_or_init(|| Shapes::of(&self.output)))
    }

    /// For writing the message that the body is; none if it is no message.
    pub(crate) fn body_shapes(&self) -> Option<&Shapes> {
        let shapes = self.body_shapes.get_or_init(|| match &self.body {
            BodyRule::None => None,
            BodyRule::Whole => Some(Shapes::of(&self.input)),
            BodyRule::Field(path) => match path.last()?.kind() {
                Kind::Message(message) => Some(Shapes::of(&message)),
                _ => None,
            },
        });
        shapes.as_ref()
    }
}

fn is_http_body(field: &FieldDescriptor) -> bool {
    !field.is_list()
        && matches!(field.kind(), Kind::Message(message) if message.full_name() == HTTP_BODY)
}

/// The one field for an update mask beside a body that is a field.
fn mask(input: &MessageDescriptor, body: &BodyRule) -> Option<FieldDescriptor> {
    if !matches!(body, BodyRule::Field(path) if path.len() == 1) {
        return None;
    }
    let mut masks = input.fields().filter(|field| {
        !field.is_list()
            && matches!(field.kind(), Kind::Message(message) if message.full_name() == FIELD_MASK)
    });
    let mask = masks.next();
    mask.filter(|_| masks.next().is_none())
}

/// Sets a field of a field; an empty path is the message itself.
pub(crate) fn set(message: &mut DynamicMessage, path: &[FieldDescriptor], value: Value) {
    match path {
        [] => {
            if let Value::Message(whole) = value {
                *message = whole;
            }
        }
        [last] => message.set_field(last, value),
        [first, rest @ ..] => {
            if let Some(inner) = message.get_field_mut(first).as_message_mut() {
                set(inner, rest, value);
            }
        }
    }
}
