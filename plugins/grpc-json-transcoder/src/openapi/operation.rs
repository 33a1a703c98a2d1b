//! One rule as an operation.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind};
use serde_json::{Value as Json, json};

use super::{
    Writer,
    place::{Place, variable_at},
};
use crate::{
    plan::Plan,
    rules::Rule,
    template::{Segment, Template},
};

impl Writer<'_> {
    pub(super) fn operation(&mut self, rule: &Rule, method: &str, place: &Place) -> Json {
        let plan = Plan::new(rule, self.settings);
        let rpc = &rule.rpc;
        let segments = self.example_segments(rule, method);
        let parameters = self.parameters(rule, place, &segments);
        let mut operation = json!({
            "operationId": self.id(rule, method),
            "tags": [rpc.parent_service().full_name()],
            "x-grpc-method": rpc.full_name(),
            "parameters": parameters.list,
            "responses": {
                "200": self.response(&plan),
                "default": { "$ref": "#/components/responses/Error" },
            },
        });
        if let Some(text) = self.comments.get(&rpc.parent_file(), rpc.path()) {
            operation["summary"] = json!(text.lines().next());
            operation["description"] = json!(text);
        }
        let options = rpc.method_descriptor_proto().options.as_ref();
        if options.is_some_and(|options| options.deprecated()) {
            operation["deprecated"] = json!(true);
        }
        let query: Vec<_> = parameters
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let mut path = example_path(&rule.template, &segments);
        if !query.is_empty() {
            let _ = write!(path, "?{}", query.join("&"));
        }
        let mut request = json!({ "method": method, "path": path });
        let mut headers: serde_json::Map<_, _> = parameters
            .headers
            .into_iter()
            .map(|(name, value)| (name, json!(value)))
            .collect();
        if let Some((body, example)) = self.request_body(rule, &plan) {
            operation["requestBody"] = body;
            headers.insert(String::from("content-type"), json!(example.media_type));
            request["body"] = json!(example.text);
        }
        request["headers"] = Json::Object(headers);
        operation["x-example-request"] = request;
        operation
    }

    /// `Service_Method`, numbered from the second on.
    fn id(&mut self, rule: &Rule, method: &str) -> String {
        let base = format!("{}_{}", rule.rpc.parent_service().name(), rule.rpc.name());
        let mut id = base.clone();
        let mut number = 1;
        while !self.ids.insert(id.clone()) {
            number += 1;
            id = if number == 2 {
                format!("{base}_{}", method.to_ascii_lowercase())
            } else {
                format!("{base}_{number}")
            };
        }
        id
    }

    /// What can stand for each segment of the template, so that no other rule takes the path.
    fn example_segments(&self, rule: &Rule, method: &str) -> Vec<String> {
        let mut segments = Vec::new();
        for number in 0..10 {
            let places = 0..rule.template.segments().len();
            segments = places
                .map(|place| self.example_segment(rule, place, number))
                .collect();
            let path = example_path(&rule.template, &segments);
            let found = self.api.find(method, &path);
            if found.is_ok_and(|found| std::ptr::eq(found.rule, rule)) {
                break;
            }
        }
        segments
    }

    fn example_segment(&self, rule: &Rule, place: usize, number: usize) -> String {
        let segment = &rule.template.segments()[place];
        if let Segment::Literal(text) = segment {
            return text.clone();
        }
        let variable = variable_at(&rule.template, place);
        let mut variables = rule.template.variables().iter();
        let index = variables.position(|known| Some(known) == variable);
        let field = index.and_then(|index| rule.variables[index].last());
        let name = field.map_or("any", FieldDescriptor::name);
        let text = match field.map(FieldDescriptor::kind) {
            None | Some(Kind::String) if number == 0 => name.to_owned(),
            None | Some(Kind::String) => format!("{name}-{number}"),
            Some(kind) => self.examples.text(name, &kind).unwrap_or_default(),
        };
        if *segment == Segment::Rest && number.is_multiple_of(2) {
            return format!("{text}/more");
        }
        text
    }
}

fn example_path(template: &Template, segments: &[String]) -> String {
    let mut path = String::new();
    for (kind, text) in template.segments().iter().zip(segments) {
        match kind {
            Segment::Literal(text) => {
                let _ = write!(path, "/{text}");
            }
            Segment::One => {
                let _ = write!(path, "/{}", encoded(text));
            }
            Segment::Rest => {
                let parts = text.split('/').map(|part| format!("/{}", encoded(part)));
                path.extend(parts);
            }
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    if !template.verb().is_empty() {
        let _ = write!(path, ":{}", template.verb());
    }
    path
}

/// RFC 3986 section 2.3: all but unreserved characters are escaped.
fn encoded(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}
