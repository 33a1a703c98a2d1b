//! What of a case's service follows from its rule, its templates and its messages.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use crate::{
    case::Case,
    informal::{self, Message},
    schema::guess,
};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// `option (google.api.http) = {…};`
pub(crate) fn option(rule: Option<&Value>) -> anyhow::Result<String> {
    let Some(rule) = rule else {
        return Ok(String::new());
    };
    Ok(format!(
        "option (google.api.http) = {{ {} }};\n",
        http_rule(rule)?
    ))
}

fn http_rule(rule: &Value) -> anyhow::Result<String> {
    let object = rule.as_object().context("a rule is an object")?;
    let mut out = String::new();
    for (key, value) in object {
        match (key.as_str(), value) {
            ("additional_bindings", Value::Array(bindings)) => {
                for binding in bindings {
                    out.push_str(&format!(
                        "additional_bindings {{ {} }} ",
                        http_rule(binding)?
                    ));
                }
            }
            ("custom", custom) => out.push_str(&format!(
                "custom {{ kind: {} path: {} }} ",
                custom["kind"], custom["path"]
            )),
            (key, Value::String(text)) => out.push_str(&format!("{key}: {text:?} ")),
            (key, other) => anyhow::bail!("the runner does not know `{key}: {other}` in a rule"),
        }
    }
    Ok(out)
}

/// The templates of a rule and of its additional bindings.
fn templates(rule: &Value) -> Vec<&str> {
    let own = METHODS.iter().filter_map(|method| rule[*method].as_str());
    let more = rule["additional_bindings"].as_array().into_iter().flatten();
    own.chain(more.flat_map(templates)).collect()
}

/// The field paths of a template's variables.
pub(crate) fn variables(template: &str) -> Vec<&str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split(['}', '=']).next())
        .filter(|name| !name.is_empty())
        .collect()
}

/// A request of which only the rule is known.
pub(crate) fn request(case: &Case) -> anyhow::Result<Message> {
    let mut message = Message::default();
    // What the calls are expected to say, says which fields there are.
    let expected = case.expect.get("grpc_messages").and_then(Value::as_array);
    for call in expected.into_iter().flatten().filter_map(Value::as_object) {
        for (name, value) in call {
            if !message.has(name) {
                message.add(guess(value)?, name);
            }
        }
    }
    complete(case, &mut message)?;
    Ok(message)
}

/// Adds what the rule needs and the text does not mention.
pub(crate) fn complete(case: &Case, message: &mut Message) -> anyhow::Result<()> {
    let rule = case.http_rule.clone().unwrap_or_default();
    let mut paths: Vec<(&str, &str)> = templates(&rule)
        .into_iter()
        .flat_map(variables)
        .map(|path| (path, "string"))
        .collect();
    let bodies = [rule["body"].as_str()].into_iter().flatten();
    paths.extend(
        bodies
            .filter(|body| *body != "*")
            .map(|body| (body, ".library.Shelf")),
    );
    add_paths(message, &paths);
    Ok(())
}

/// Adds fields by their paths, those that are there excepted.
fn add_paths(message: &mut Message, paths: &[(&str, &str)]) {
    let mut tree = Tree::default();
    for (path, kind) in paths {
        let first = path.split('.').next().unwrap_or_default();
        if !message.has(first) {
            tree.add(path, kind);
        }
    }
    tree.fill(message);
}

/// Fields within fields.
#[derive(Default)]
struct Tree(BTreeMap<String, Node>);

#[derive(Default)]
struct Node {
    kind: String,
    inner: Tree,
}

impl Tree {
    fn add(&mut self, path: &str, kind: &str) {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let node = self.0.entry(first.to_owned()).or_default();
        if rest.is_empty() {
            kind.clone_into(&mut node.kind);
        } else {
            node.inner.add(rest, kind);
        }
    }

    fn fill(&self, message: &mut Message) {
        for (name, node) in &self.0 {
            if node.inner.0.is_empty() {
                message.add(&node.kind, name);
                continue;
            }
            let kind = format!("In_{name}");
            let mut inner = Message::default();
            // A variable may be a field, and another one within that field: then it is a message.
            node.inner.fill(&mut inner);
            message.add_type(inner.print(&kind));
            message.add(&kind, name);
        }
    }
}

/// A response of which only an example is known.
pub(crate) fn response(case: &Case, messages: Option<&Value>) -> anyhow::Result<Message> {
    let mut message = Message::default();
    let examples = messages.and_then(Value::as_array);
    for example in examples.into_iter().flatten().filter_map(Value::as_object) {
        for (name, value) in example {
            if !message.has(name) {
                message.add(guess(value)?, name);
            }
        }
    }
    let path = case.rule("response_body");
    if !path.is_empty() {
        let kind = if case.message.contains("HttpBody") {
            ".google.api.HttpBody"
        } else {
            "string"
        };
        add_paths(&mut message, &[(path, kind)]);
    }
    Ok(message)
}

/// The file of a case for paths: a method for each name, with all its templates.
pub(crate) fn paths(case: &Case, header: &str) -> anyhow::Result<String> {
    let mut rpcs: Vec<(&str, Vec<&Value>)> = Vec::new();
    for template in &case.templates {
        let rpc = template["rpc"].as_str().context("a template has no rpc")?;
        match rpcs.iter_mut().find(|(known, _)| *known == rpc) {
            Some((_, templates)) => templates.push(template),
            None => rpcs.push((rpc, vec![template])),
        }
    }
    let mut proto = header.to_owned();
    let mut service = String::from("service Service {\n");
    if rpcs.is_empty() {
        service.push_str("rpc None(.library.Empty) returns (.library.Empty);\n");
    }
    for (rpc, templates) in &rpcs {
        let mut message = Message::default();
        let mut fields = Vec::new();
        for template in templates {
            let text = template["template"].as_str().unwrap_or_default();
            fields.extend(variables(text).into_iter().map(|path| (path, "string")));
            let body = template["body"].as_str();
            fields.extend(
                body.filter(|body| *body != "*")
                    .map(|body| (body, "string")),
            );
        }
        // Names that are no identifiers belong to templates that have to be refused.
        fields.retain(|(path, _)| path.split('.').all(is_identifier));
        add_paths(&mut message, &fields);
        if case.id == "enc-05" {
            message = informal::fields("repeated double double_list")?;
        }
        proto.push_str(&message.print(&format!("{rpc}Request")));
        service.push_str(&format!(
            "rpc {rpc}({rpc}Request) returns (.library.Empty) {{ option (google.api.http) = {{ {} }}; }}\n",
            bindings(templates)?
        ));
    }
    Ok(format!("{proto}{service}}}\n"))
}

fn bindings(templates: &[&Value]) -> anyhow::Result<String> {
    let mut out = String::new();
    for (index, template) in templates.iter().enumerate() {
        let method = template["method"].as_str().unwrap_or("GET");
        let path = template["template"].as_str().context("no template")?;
        let lower = method.to_ascii_lowercase();
        let mut rule = if METHODS.contains(&lower.as_str()) {
            format!("{lower}: {path:?} ")
        } else {
            format!("custom {{ kind: {method:?} path: {path:?} }} ")
        };
        if let Some(body) = template["body"].as_str() {
            rule.push_str(&format!("body: {body:?} "));
        }
        match index {
            0 => out.push_str(&rule),
            _ => out.push_str(&format!("additional_bindings {{ {rule} }} ")),
        }
    }
    Ok(out)
}

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Requests that a parsed template has to take, and what they have to bind: for `expect.parse`.
pub(crate) fn examples(parse: &Value) -> anyhow::Result<(String, Vec<(String, String)>)> {
    let segments = parse["segments"].as_array().context("no segments")?;
    let mut path: Vec<Vec<String>> = Vec::new();
    for (index, segment) in segments.iter().filter_map(Value::as_str).enumerate() {
        path.push(match segment {
            "*" => vec![format!("s{index}")],
            "**" => vec![format!("s{index}"), String::from("more")],
            literal => vec![literal.to_owned()],
        });
    }
    let mut bindings = Vec::new();
    for variable in parse["variables"].as_array().into_iter().flatten() {
        let at = |key: &str| variable[key].as_i64().context("no place");
        let (start, end) = (at("start")?, at("end")?);
        let count = i64::try_from(path.len())?;
        // Counted from the right: -1 is the end.
        let end = if end < 0 { count + 1 + end } else { end };
        let range = usize::try_from(start)?..usize::try_from(end)?;
        let captured = path.get(range).context("a variable outside the path")?;
        let field = variable["field"].as_str().context("no field")?;
        bindings.push((field.to_owned(), captured.concat().join("/")));
    }
    let verb = parse["verb"].as_str().unwrap_or_default();
    let verb = if verb.is_empty() {
        String::new()
    } else {
        format!(":{verb}")
    };
    Ok((format!("/{}{verb}", path.concat().join("/")), bindings))
}
