//! Bodies of requests and responses.

use prost_reflect::{FieldDescriptor, Kind};
use serde_json::{Map, Value as Json, json};

use super::{Writer, example::Examples, parameters::bound_paths};
use crate::{
    plan::Plan,
    rules::{BodyRule, Rule},
    settings::StreamDialect,
};

/// An example of a body.
pub(super) struct Example {
    pub(super) media_type: &'static str,
    pub(super) text: String,
}

const RAW: &str = "application/octet-stream";
const LINES: &str = "application/x-ndjson";

impl Writer<'_> {
    pub(super) fn request_body(&mut self, rule: &Rule, plan: &Plan) -> Option<(Json, Example)> {
        if plan.raw_request {
            let schema = json!({ "type": "string", "format": "binary" });
            let body = json!({ "content": { "*/*": { "schema": schema, "example": "raw" } } });
            let text = String::from("raw");
            return Some((
                body,
                Example {
                    media_type: RAW,
                    text,
                },
            ));
        }
        let (schema, value) = match &rule.body {
            BodyRule::None => return None,
            BodyRule::Whole => {
                let input = rule.rpc.input();
                (
                    self.schemas.message(&input),
                    whole_example(self.examples, rule),
                )
            }
            BodyRule::Field(path) => {
                let field = path.last()?;
                (
                    self.schemas.field(field),
                    field_example(self.examples, rule, field),
                )
            }
        };
        let mut content = Map::new();
        let value = if plan.client_streaming {
            json!([value])
        } else {
            value
        };
        let schema = if plan.client_streaming {
            // In lines each value is such an element.
            content.insert(LINES.to_owned(), json!({ "schema": schema }));
            json!({ "type": "array", "items": schema })
        } else {
            schema
        };
        if !plan.client_streaming {
            let body = &self.settings.body;
            let forms = [
                (body.form, "application/x-www-form-urlencoded"),
                (body.multipart, "multipart/form-data"),
            ];
            for (_, media_type) in forms.into_iter().filter(|(on, _)| *on) {
                content.insert(media_type.to_owned(), json!({ "schema": schema }));
            }
        }
        content.insert(
            String::from("application/json"),
            json!({ "schema": schema, "example": value }),
        );
        let text = value.to_string();
        let body =
            json!({ "description": "An empty body is an empty message.", "content": content });
        Some((
            body,
            Example {
                media_type: "application/json",
                text,
            },
        ))
    }

    pub(super) fn response(&mut self, plan: &Plan) -> Json {
        if plan.raw_response {
            let schema = json!({ "type": "string", "format": "binary" });
            let description = "The content, of the type that the service says.";
            return json!({ "description": description, "content": { "*/*": { "schema": schema } } });
        }
        let schema = match plan.response_body.last() {
            Some(field) => self.schemas.field(field),
            None => self.schemas.message(&plan.output),
        };
        if !plan.server_streaming {
            return json!({ "description": "The answer.", "content": { "application/json": { "schema": schema } } });
        }
        self.stream(schema)
    }

    fn stream(&self, element: Json) -> Json {
        let plain = self.settings.streams.dialect == StreamDialect::Plain;
        let element = if plain {
            element
        } else {
            json!({ "type": "object", "properties": { "result": element, "error": { "type": "object" } } })
        };
        let array = if plain {
            json!({ "type": "array", "items": element })
        } else {
            element.clone()
        };
        json!({
            "description": "The answers, as `accept` asks: in one array, a line each, or as server-sent events. An \
                error after the first answer is the last of them.",
            "content": {
                "application/json": { "schema": array },
                LINES: { "schema": element },
                "text/event-stream": { "schema": { "type": "string", "contentMediaType": "application/json", "contentSchema": element } },
            },
        })
    }
}

/// The message but for what the path and header fields bind.
fn whole_example(examples: Examples<'_>, rule: &Rule) -> Json {
    let bound = bound_paths(rule).filter_map(<[_]>::first);
    let input = Kind::Message(rule.rpc.input());
    message_example(examples, &input, &siblings(bound)).unwrap_or_else(|| json!({}))
}

/// The field but for what the path and header fields bind within it.
fn field_example(examples: Examples<'_>, rule: &Rule, field: &FieldDescriptor) -> Json {
    let bound = bound_paths(rule).flatten().filter(|bound| *bound != field);
    let single = !field.is_list() && !field.is_map();
    let message = single
        .then(|| message_example(examples, &field.kind(), &siblings(bound)))
        .flatten();
    message
        .or_else(|| examples.field(field, 0))
        .unwrap_or(Json::Null)
}

/// A message that is written by its fields.
fn message_example(
    examples: Examples<'_>,
    kind: &Kind,
    without: &[FieldDescriptor],
) -> Option<Json> {
    let message = kind.as_message()?;
    if message.full_name().starts_with("google.protobuf.") {
        return examples.value("name", kind, 0);
    }
    examples.message(message, without, 0).map(Json::Object)
}

/// Fields, and those that cannot be given together with them.
fn siblings<'f>(fields: impl Iterator<Item = &'f FieldDescriptor>) -> Vec<FieldDescriptor> {
    let with_siblings = |field: &FieldDescriptor| match field.containing_oneof() {
        Some(oneof) => oneof.fields().collect(),
        None => vec![field.clone()],
    };
    fields.flat_map(with_siblings).collect()
}
