//! One rule, from how it was written.

use std::{fmt::Display, rc::Rc};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use witgate_plugin::fields::is_token;

use super::{BodyRule, FieldPath, Origin, Rule, fields, http_rule::HttpRule};
use crate::{
    settings::{Settings, UnknownParameters},
    template::Template,
};

/// Says what is wrong, without naming the method.
pub(super) fn rule(
    settings: &Settings,
    method: &MethodDescriptor,
    rule: &HttpRule,
    origin: Origin,
) -> Result<Rule, String> {
    let (http_method, template) = pattern(rule)?;
    let in_template = |error: &dyn Display| format!("`{template}`: {error}");
    let input = method.input();
    let parsed = Template::parse(template).map_err(|error| in_template(&error))?;
    let variables = variables(&parsed, &input).map_err(|error| in_template(&error))?;
    Ok(Rule {
        rpc: method.clone(),
        call_path: call_path(method),
        method: http_method.clone(),
        template: parsed,
        variables,
        body: body(settings, &input, &rule.body)?,
        response_body: response_body(settings, &method.output(), &rule.response_body)?,
        headers: headers(settings, &input),
        capture: capture(settings, &input),
        origin,
    })
}

/// Method of HTTP and template.
fn pattern(rule: &HttpRule) -> Result<&(String, String), String> {
    let message = match rule.patterns.as_slice() {
        [pattern] if is_token(&pattern.0) => return Ok(pattern),
        [(method, _)] => &format!("`{method}` is no method of HTTP; write one, or `*` for any"),
        [] => {
            "the rule has no template; write one under `get`, `put`, `post`, `delete`, `patch` or `custom`"
        }
        _ => "the rule has several templates; put all but one into additional bindings",
    };
    Err(message.to_owned())
}

fn variables(template: &Template, input: &MessageDescriptor) -> Result<Vec<FieldPath>, String> {
    let mut variables = Vec::<FieldPath>::new();
    for variable in template.variables() {
        let at_column = |message: String| format!("column {}: {message}", variable.column);
        let fields = fields::resolve_text(input, &variable.field).map_err(at_column)?;
        let mut known = variables.iter();
        if let Some((_, one, other)) = known.find_map(|known| fields::exclusive(known, &fields)) {
            return Err(at_column(format!(
                "`{}` and `{}` are members of one oneof, which takes one of them",
                one.name(),
                other.name()
            )));
        }
        variables.push(fields.into());
    }
    Ok(variables)
}

fn body(settings: &Settings, input: &MessageDescriptor, body: &str) -> Result<BodyRule, String> {
    match body {
        "" => return Ok(BodyRule::None),
        "*" => return Ok(BodyRule::Whole),
        _ if body.contains('.') && !settings.body.dotted_path => {
            return Err(format!(
                "body: `{body}` is not a field of the request itself (http.proto); name one, or switch on `dotted-path` of `body`"
            ));
        }
        _ => {}
    }
    let fields = fields::resolve(input, body).map_err(|error| format!("body: {error}"))?;
    Ok(BodyRule::Field(fields))
}

fn response_body(
    settings: &Settings,
    output: &MessageDescriptor,
    path: &str,
) -> Result<Vec<FieldDescriptor>, String> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    if path.contains('.') && !settings.body.dotted_path {
        return Err(format!(
            "response_body: `{path}` is not a field of the answer itself (http.proto); name one, or switch on `dotted-path` of `body`"
        ));
    }
    fields::resolve(output, path).map_err(|error| format!("response_body: {error}"))
}

/// Those that the message has; whether any message has them is checked at the end.
fn headers(settings: &Settings, input: &MessageDescriptor) -> Vec<(String, FieldPath)> {
    let headers = settings.headers.iter();
    headers
        .filter_map(|(name, path)| {
            let fields = fields::resolve_text(input, path).ok()?;
            Some((name.to_ascii_lowercase(), Rc::from(fields)))
        })
        .collect()
}

fn capture(settings: &Settings, input: &MessageDescriptor) -> Option<FieldDescriptor> {
    let name = settings.query.capture.as_ref()?;
    let field = input
        .get_field_by_name(name)
        .filter(|_| settings.query.unknown == UnknownParameters::Capture)?;
    captures(&field).then_some(field)
}

/// `/package.Service/Method`.
pub(super) fn call_path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// Whether the field can take parameters of any name.
fn captures(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            entry.map_entry_key_field().kind() == Kind::String
                && entry.map_entry_value_field().kind() == Kind::String
        }
        Kind::Message(message) => {
            !field.is_list() && message.full_name() == "google.protobuf.Struct"
        }
        _ => false,
    }
}
