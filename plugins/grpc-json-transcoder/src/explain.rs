//! Why a request is which call: the chosen rule, what it binds, and why the others lost.

mod flat;
mod rivals;
#[cfg(test)]
mod tests;

use prost_reflect::{DynamicMessage, FieldDescriptor};
use serde_json::{Map, Value as Json, json};

use crate::{
    binding::{self, Bound, Source},
    matcher::Miss,
    refusal::Refusal,
    rules::{Api, BodyRule, Match, Rule},
    settings::{Settings, UnknownPath},
    template::Template,
};

/// A request without its body.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    pub(crate) path_and_query: &'a str,
    /// The value of a header field, by its name in lower case.
    pub(crate) header: &'a dyn Fn(&str) -> Option<String>,
}

/// The answer as JSON. `complete` makes the call's messages of the body and of what path, query and header fields
/// bind, and says what is wrong with the body.
pub(crate) fn explain(
    api: &Api,
    settings: &Settings,
    question: Question<'_>,
    complete: impl FnOnce(&Match<'_>, Bound) -> Result<Vec<DynamicMessage>, Refusal>,
) -> Json {
    let (path, query) = match question.path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (question.path_and_query, None),
    };
    let mut answer = Map::new();
    match api.find(question.method, path) {
        Err(miss) => {
            let (key, why) = missed(&miss, settings, question.method, path);
            answer.insert(key.into(), why);
            let others = rivals::of(api, None, question.method, path);
            answer.insert("others".into(), others);
        }
        Ok(found) => {
            answer.insert("rpc".into(), json!(found.rule.rpc.full_name()));
            answer.insert("rule".into(), rule(found.rule));
            answer.extend(bindings(&found, query, settings, question, complete));
            let others = rivals::of(api, Some(found.rule), question.method, path);
            answer.insert("others".into(), others);
        }
    }
    Json::Object(answer)
}

/// What becomes of a request that no rule takes.
fn missed(miss: &Miss, settings: &Settings, method: &str, path: &str) -> (&'static str, Json) {
    match miss {
        Miss::Unknown if settings.path.unknown == UnknownPath::Pass => (
            "passes",
            json!("no rule matches, and `unknown` of `path` is `pass`"),
        ),
        Miss::Slash(bare) => ("redirected_to", json!(bare)),
        Miss::Method(methods) if method == "OPTIONS" => ("allow", json!(methods)),
        miss => ("error", error(&miss.refusal(method, path))),
    }
}

/// What is bound, or the exact error.
fn bindings(
    found: &Match<'_>,
    query: Option<&str>,
    settings: &Settings,
    question: Question<'_>,
    complete: impl FnOnce(&Match<'_>, Bound) -> Result<Vec<DynamicMessage>, Refusal>,
) -> Map<String, Json> {
    let mut answer = Map::new();
    let bind = || -> Result<(), Refusal> {
        let mut bound = binding::bind(found, query, settings)?;
        bound.bind_headers(found, question.header, settings)?;
        // What path and query say is worth showing even if the body is wrong.
        let given = given(&bound);
        answer.insert("bindings".into(), Json::Object(given.clone()));
        answer.insert("sources".into(), sources(&bound));
        let messages = complete(found, bound)?;
        if messages.len() != 1 {
            answer.insert("messages".into(), json!(messages.len()));
        }
        let mut all = messages.first().map(flat::message).unwrap_or_default();
        for (name, value) in given {
            // What is set to a value that a message does not tell from none.
            let field = name.split('[').next().unwrap_or_default();
            if !all.contains_key(field) {
                all.insert(name, value);
            }
        }
        answer.insert("bindings".into(), Json::Object(all));
        Ok(())
    };
    if let Err(refusal) = bind() {
        answer.insert("error".into(), error(&refusal));
    }
    answer
}

/// Values by the names of their fields, as far as they come from path, query and header fields.
fn given(bound: &Bound) -> Map<String, Json> {
    let mut given = Map::new();
    for value in bound.values() {
        let json = flat::value(&value.target.kind(), &value.value);
        match given.get_mut(&value.target.name()) {
            Some(Json::Array(known)) if value.target.takes_many() => known.push(json),
            _ if value.target.takes_many() => {
                given.insert(value.target.name(), json!([json]));
            }
            _ => {
                given.insert(value.target.name(), json);
            }
        }
    }
    given
}

fn sources(bound: &Bound) -> Json {
    let sources = bound.values().iter().map(|value| {
        let source = match value.source {
            Source::Path => "path",
            Source::Query => "query",
            Source::Header => "header",
            Source::Form => "form",
        };
        (value.target.name(), json!(source))
    });
    Json::Object(sources.collect())
}

fn rule(rule: &Rule) -> Json {
    let body = match &rule.body {
        BodyRule::None => Json::Null,
        BodyRule::Whole => json!("*"),
        BodyRule::Field(fields) => json!(dotted(fields)),
    };
    let response_body = match rule.response_body.as_slice() {
        [] => Json::Null,
        fields => json!(dotted(fields)),
    };
    json!({
        "method": rule.method,
        "template": rule.template.to_string(),
        "parse": template(&rule.template),
        "body": body,
        "response_body": response_body,
        "declared_by": rule.name(),
    })
}

/// A template taken apart. The end of a variable is counted from the right, from -1, if a `**` stands before it.
pub(crate) fn template(template: &Template) -> Json {
    let segments: Vec<_> = template
        .segments()
        .iter()
        .map(ToString::to_string)
        .collect();
    let variables = template.variables().iter().map(|variable| {
        let end = match template.end_from_right(variable) {
            Some(end) => json!(end),
            None => json!(variable.end),
        };
        json!({ "field": variable.field, "start": variable.start, "end": end })
    });
    json!({
        "segments": segments,
        "verb": template.verb(),
        "variables": variables.collect::<Vec<_>>(),
    })
}

pub(crate) fn dotted(fields: &[FieldDescriptor]) -> String {
    let names: Vec<_> = fields.iter().map(FieldDescriptor::name).collect();
    names.join(".")
}

fn error(refusal: &Refusal) -> Json {
    let violations = refusal
        .violations
        .iter()
        .map(|violation| json!({ "field": violation.field, "description": violation.description }));
    let mut error = json!({
        "status": refusal.status,
        "code": refusal.code.name(),
        "message": refusal.message,
    });
    if !refusal.violations.is_empty() {
        error["violations"] = violations.collect();
    }
    if let Some(allow) = &refusal.allow {
        error["allow"] = json!(allow);
    }
    error
}
