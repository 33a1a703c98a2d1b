//! What paths, queries and header fields take.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value as Json, json};

use super::{
    Writer, example,
    place::{Place, Wildcard, variable_at},
};
use crate::{
    rules::{BodyRule, FieldPath, Rule, exclusive},
    scalar,
    template::Segment,
};

/// How far messages within messages are followed.
const DEPTH: usize = 4;
/// How many parameters of a query an operation tells of.
const MOST: usize = 100;

/// The parameters of one operation, and the request that their examples make.
pub(super) struct Parameters {
    pub(super) list: Vec<Json>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
}

/// A field that the query may bind.
struct Leaf {
    /// The name of the parameter.
    name: String,
    fields: Vec<FieldDescriptor>,
}

impl Writer<'_> {
    /// `segments` are the examples of the template's segments.
    pub(super) fn parameters(
        &mut self,
        rule: &Rule,
        place: &Place,
        segments: &[String],
    ) -> Parameters {
        let mut parameters = Parameters {
            list: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
        };
        // The place may have been named by another rule.
        for (wildcard, named) in Place::of(&rule.template)
            .wildcards
            .iter()
            .zip(&place.wildcards)
        {
            let parameter = self.in_path(rule, wildcard, &named.name, &segments[wildcard.segment]);
            parameters.list.push(parameter);
        }
        for (name, path) in &rule.headers {
            // The path wins over header fields.
            if !rule.variables.contains(path) {
                self.in_header(name, path, &mut parameters);
            }
        }
        for leaf in self.leaves(rule) {
            self.in_query(rule, &leaf, &mut parameters);
        }
        parameters
    }

    fn in_path(&mut self, rule: &Rule, wildcard: &Wildcard, name: &str, example: &str) -> Json {
        let template = &rule.template;
        let segment = &template.segments()[wildcard.segment];
        let variable = variable_at(template, wildcard.segment);
        let alone = variable.filter(|variable| variable.end - variable.start == 1);
        let field = alone.and_then(|alone| {
            let place = template
                .variables()
                .iter()
                .position(|variable| variable == alone)?;
            rule.variables[place].last()
        });
        let mut schema = match field {
            Some(field) => self.schemas.field(field),
            None => json!({ "type": "string" }),
        };
        let comment = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        let mut notes: Vec<_> = comment
            .iter()
            .filter_map(Json::as_str)
            .map(str::to_owned)
            .collect();
        match variable {
            Some(variable) if alone.is_none() => {
                let parts = &template.segments()[variable.start..variable.end];
                let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
                notes.push(format!(
                    "A part of `{}`, which is `{}`.",
                    variable.field,
                    parts.join("/")
                ));
            }
            Some(variable) if variable.field != name => {
                notes.push(format!("The field `{}`.", variable.field));
            }
            Some(_) => {}
            None => notes.push(String::from("Not bound to any field.")),
        }
        let mut parameter = json!({ "name": name, "in": "path", "required": true, "example": fitting(example, &schema) });
        if *segment == Segment::Rest {
            notes.push(String::from(
                "Any number of segments: slashes stand in the path as they are.",
            ));
            parameter["x-multi-segment"] = json!(true);
        }
        if !notes.is_empty() {
            parameter["description"] = json!(notes.join("\n\n"));
        }
        parameter["schema"] = schema;
        parameter
    }

    fn in_header(&mut self, name: &str, path: &FieldPath, parameters: &mut Parameters) {
        let Some(field) = path.last() else { return };
        let mut parameter = json!({ "name": name, "in": "header" });
        self.describe(field, &mut parameter);
        if let Some(text) = self.examples.text(field.name(), &field.kind()) {
            show(&mut parameter, &json!(self.examples.field(field, 0)));
            parameters.headers.push((name.to_owned(), text));
        }
        parameters.list.push(parameter);
    }

    fn in_query(&mut self, rule: &Rule, leaf: &Leaf, parameters: &mut Parameters) {
        let Some(field) = leaf.fields.last() else {
            return;
        };
        let mut parameter = json!({ "name": leaf.name, "in": "query" });
        self.describe(field, &mut parameter);
        let alone = bound_paths(rule).all(|bound| exclusive(bound, &leaf.fields).is_none());
        if alone
            && leaf.fields.iter().all(example::is_first_of_oneof)
            && let Some(example) = self.query_example(leaf, field)
        {
            show(&mut parameter, &json!(self.examples.field(field, 0)));
            parameters.query.push(example);
        }
        parameters.list.push(parameter);
    }

    /// Name and value of a parameter.
    fn query_example(&self, leaf: &Leaf, field: &FieldDescriptor) -> Option<(String, String)> {
        if let Kind::Message(entry) = field.kind()
            && field.is_map()
        {
            let key = self
                .examples
                .text("key", &entry.map_entry_key_field().kind())?;
            let value = self
                .examples
                .text("value", &entry.map_entry_value_field().kind())?;
            return Some((format!("{}[{key}]", leaf.name), value));
        }
        let text = self.examples.text(field.name(), &field.kind())?;
        Some((leaf.name.clone(), text))
    }

    /// Schema, style and comment.
    fn describe(&mut self, field: &FieldDescriptor, parameter: &mut Json) {
        let mut schema = self.schemas.field(field);
        if let Some(comment) = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"))
        {
            parameter["description"] = comment;
        }
        if example::is_json_text(&field.kind()) && !field.is_list() {
            parameter["content"] = json!({ "application/json": { "schema": schema } });
            return;
        }
        parameter["schema"] = schema;
        if field.is_map() {
            parameter["style"] = json!("deepObject");
            parameter["explode"] = json!(true);
        } else if field.is_list() {
            // Both are read if lists may be separated by commas.
            parameter["style"] = json!("form");
            parameter["explode"] = json!(true);
        }
    }

    /// What is left for the query.
    fn leaves(&self, rule: &Rule) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        if rule.body != BodyRule::Whole {
            self.add_leaves(rule, &rule.rpc.input(), &mut Vec::new(), &mut leaves);
        }
        leaves
    }

    fn add_leaves(
        &self,
        rule: &Rule,
        message: &MessageDescriptor,
        way: &mut Vec<FieldDescriptor>,
        leaves: &mut Vec<Leaf>,
    ) {
        for field in message.fields() {
            way.push(field.clone());
            if leaves.len() < MOST && !is_taken(rule, way) {
                self.add_leaf(rule, &field, way, leaves);
            }
            way.pop();
        }
    }

    fn add_leaf(
        &self,
        rule: &Rule,
        field: &FieldDescriptor,
        way: &mut Vec<FieldDescriptor>,
        leaves: &mut Vec<Leaf>,
    ) {
        let kind = match field.kind() {
            Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
            kind => kind,
        };
        if scalar::is_text(&kind) {
            leaves.push(self.leaf(way));
        } else if let Kind::Message(inner) = kind
            && !field.is_list()
            && !field.is_map()
            && way.len() < DEPTH
            // A message within itself is told of once.
            && way.iter().all(|known| *known.parent_message() != inner)
        {
            self.add_leaves(rule, &inner, way, leaves);
        }
    }

    fn leaf(&self, way: &[FieldDescriptor]) -> Leaf {
        let names: Vec<_> = way.iter().map(|field| self.schemas.name(field)).collect();
        Leaf {
            name: names.join("."),
            fields: way.to_vec(),
        }
    }
}

/// Adds an example to a parameter, within its content if that is what it has.
fn show(parameter: &mut Json, example: &Json) {
    let place = match parameter.get_mut("content") {
        Some(content) => &mut content["application/json"],
        None => parameter,
    };
    place["example"] = example.clone();
}

/// The text as the schema has it.
fn fitting(text: &str, schema: &Json) -> Json {
    match schema["type"].as_str() {
        Some("integer" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        _ => json!(text),
    }
}

/// Whether path, body or a header field bind the field.
fn is_taken(rule: &Rule, way: &[FieldDescriptor]) -> bool {
    bound_paths(rule).any(|path| *path == *way)
}

/// The fields that path, body and header fields bind.
pub(super) fn bound_paths(rule: &Rule) -> impl Iterator<Item = &[FieldDescriptor]> {
    let headers = rule.headers.iter().map(|(_, path)| path);
    let body = match &rule.body {
        BodyRule::Field(path) => Some(path.as_slice()),
        BodyRule::None | BodyRule::Whole => None,
    };
    let bound = rule.variables.iter().chain(headers).map(AsRef::as_ref);
    bound.chain(body)
}
