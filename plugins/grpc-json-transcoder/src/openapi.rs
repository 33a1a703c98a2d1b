//! An OpenAPI 3.1 document of what the rules of a route really take and give.
//!
//! Each operation has examples for all that it takes, and under `x-example-request` the whole request that they
//! make: sent as it is, it becomes the call.

mod body;
mod comments;
mod example;
mod operation;
mod parameters;
mod place;
mod schemas;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use crate::{
    matcher::ANY_METHOD,
    rules::{Api, Rule},
    settings::Settings,
};
use comments::Comments;
use example::Examples;
use place::Place;
use schemas::Schemas;

/// The methods that a path of OpenAPI can have.
const METHODS: [&str; 8] = [
    "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// What all parts of a document are made with.
struct Writer<'a> {
    api: &'a Api,
    settings: &'a Settings,
    comments: &'a Comments,
    schemas: Schemas<'a>,
    examples: Examples<'a>,
    /// `operationId`s that are taken.
    ids: BTreeSet<String>,
}

pub(crate) fn document(api: &Api, settings: &Settings) -> Json {
    let comments = Comments::of(api);
    let mut writer = Writer {
        api,
        settings,
        comments: &comments,
        schemas: Schemas::new(&settings.print, &comments),
        examples: Examples(&settings.print),
        ids: BTreeSet::new(),
    };
    let paths = writer.paths();
    json!({
        "openapi": "3.1.0",
        "info": info(api),
        "tags": tags(api, &comments),
        "paths": paths,
        "components": {
            "schemas": writer.schemas.finish(),
            "responses": { "Error": error(settings) },
        },
    })
}

/// A path of OpenAPI, with what is on it.
struct PathItem {
    place: Place,
    operations: Map<String, Json>,
}

impl Writer<'_> {
    fn paths(&mut self) -> Json {
        let mut items = Vec::<PathItem>::new();
        for rule in self.api.rules() {
            let place = Place::of(&rule.template);
            let known = items.iter().position(|item| item.place.is_like(&place));
            let known = known.unwrap_or_else(|| {
                let operations = Map::new();
                items.push(PathItem { place, operations });
                items.len() - 1
            });
            let item = &mut items[known];
            for method in self.methods(rule) {
                let operation = self.operation(rule, method, &item.place);
                if METHODS.contains(&method) {
                    item.operations
                        .insert(method.to_ascii_lowercase(), operation);
                } else {
                    // OpenAPI 3.1 has no place for other methods.
                    let others = item.operations.entry("x-additional-operations");
                    others.or_insert_with(|| json!({}))[method] = operation;
                }
            }
        }
        let items = items
            .into_iter()
            .map(|item| (item.place.path, Json::Object(item.operations)));
        Json::Object(items.collect())
    }

    /// Those that the rule takes; for any method those that no other rule takes on that path.
    fn methods<'r>(&self, rule: &'r Rule) -> Vec<&'r str> {
        if rule.method != ANY_METHOD {
            return vec![&rule.method];
        }
        let place = Place::of(&rule.template);
        let taken = |method: &str| {
            let mut rules = self.api.rules().iter();
            rules.any(|other| other.method == method && Place::of(&other.template).is_like(&place))
        };
        METHODS
            .into_iter()
            .filter(|method| !taken(method))
            .collect()
    }
}

fn info(api: &Api) -> Json {
    let mut services: Vec<_> = api
        .rules()
        .iter()
        .map(|rule| rule.rpc.parent_service().full_name())
        .collect();
    services.dedup();
    let package = api
        .rules()
        .first()
        .map(|rule| rule.rpc.parent_file().package_name().to_owned());
    let version = package
        .as_deref()
        .and_then(|package| package.rsplit('.').next());
    let version = version.filter(|last| {
        last.starts_with('v') && last[1..].starts_with(|c: char| c.is_ascii_digit())
    });
    let title = if services.is_empty() {
        String::from("nothing")
    } else {
        services.join(", ")
    };
    json!({ "title": title, "version": version.unwrap_or("0") })
}

fn tags(api: &Api, comments: &Comments) -> Json {
    let mut tags = Vec::<Json>::new();
    for rule in api.rules() {
        let service = rule.rpc.parent_service();
        if tags.iter().all(|tag| tag["name"] != service.full_name()) {
            let mut tag = json!({ "name": service.full_name() });
            if let Some(text) = comments.get(&service.parent_file(), service.path()) {
                tag["description"] = json!(text);
            }
            tags.push(tag);
        }
    }
    Json::Array(tags)
}

/// What a client is told instead of an answer.
fn error(settings: &Settings) -> Json {
    let overridden = settings.errors.statuses.iter();
    let overridden: Vec<_> = overridden
        .map(|(code, status)| format!("{code} is {status}"))
        .collect();
    let mut description = String::from(
        "What went wrong; its HTTP status is that of the code in google/rpc/code.proto.",
    );
    if !overridden.is_empty() {
        description = format!("{description} Here {}.", overridden.join(", "));
    }
    let details = json!({
        "type": "array",
        "items": { "type": "object", "properties": { "@type": { "type": "string" } }, "required": ["@type"] },
    });
    json!({
        "description": description,
        "content": {
            "application/json": { "schema": {
                "title": "google.rpc.Status",
                "type": "object",
                "properties": { "code": { "type": "integer" }, "message": { "type": "string" }, "details": details },
                "required": ["code"],
            } },
            "application/problem+json": { "schema": {
                "title": "RFC 9457",
                "type": "object",
                "properties": {
                    "type": { "type": "string", "format": "uri-reference" },
                    "title": { "type": "string" },
                    "status": { "type": "integer" },
                    "detail": { "type": "string" },
                    "code": { "type": "string" },
                    "details": details,
                },
                "required": ["type", "title", "status", "code"],
            } },
        },
    })
}
