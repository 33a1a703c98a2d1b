//! Runs a file of cases: which rule takes a request, and what path and query bind.
//!
//! The file is named by the variable WITGATE_TRANSCODING_CASES; without it a file beside the workspace is looked
//! for. A list of our own runs in any case.

use std::{collections::BTreeMap, path::Path};

use prost_reflect::{DynamicMessage, ReflectMessage as _, Value as ProtoValue};
use serde_json::{Map, Value as Json, json};

use crate::{
    explain::{self, Question},
    json::{Bounds, ReadOptions, Reader},
    refusal::Refusal,
    rules::{Api, BodyRule, Rule},
    settings::Settings,
    template::Template,
    testing::{messages, settings, try_pool},
};

const OWN: &str = include_str!("cases.json");
const ELSEWHERE: &str = "../../../shared/transcoding/cases.json";

/// Cases that are not about rules and bindings, by what they have in them, and why.
const NOT_OURS: [(&str, &str); 9] = [
    ("rpc-to-rest", "calls are made of REST, not the other way"),
    ("\"connect\"", "Connect is another protocol"),
    ("connect=v1", "Connect is another protocol"),
    ("patch_field_mask", "masks are the codec's"),
    ("HttpBody", "raw bodies are the codec's"),
    ("x-www-form-urlencoded", "media types are the codec's"),
    ("multipart/form-data", "media types are the codec's"),
    ("_body_size", "sizes are the codec's"),
    ("\"body\":\"<", "generated bodies are the codec's"),
];

#[test]
fn our_own_cases() {
    assert_eq!(run(OWN), Vec::<String>::new());
}

#[test]
fn cases_of_a_file() {
    let path = std::env::var("WITGATE_TRANSCODING_CASES").unwrap_or_else(|_| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(ELSEWHERE);
        path.to_string_lossy().into_owned()
    });
    match std::fs::read_to_string(&path) {
        Ok(text) => assert_eq!(run(&text), Vec::<String>::new()),
        Err(error) => println!("{path}: {error}; only our own cases have run"),
    }
}

/// What failed, a line each.
fn run(text: &str) -> Vec<String> {
    let mut cases: Vec<Json> = serde_json::from_str(text).unwrap();
    let (mut passed, mut failures) = (0, Vec::new());
    let mut before = BTreeMap::new();
    for case in &mut cases {
        resolve_same(case, &mut before);
        let text = case.to_string();
        let ours = matches!(case["kind"].as_str(), Some("path" | "query" | "body"));
        if !ours || NOT_OURS.iter().any(|(part, _)| text.contains(part)) {
            continue;
        }
        match Case(case).run() {
            Ok(()) => passed += 1,
            Err(failure) => failures.push(format!("{}: {failure}", case["id"])),
        }
    }
    println!("{passed} passed, {} failed", failures.len());
    assert!(passed > 0);
    failures
}

/// `same` is the message of the last case with that rule, or else of the case before; `same as ID` that of another.
fn resolve_same(case: &mut Json, before: &mut BTreeMap<String, Json>) {
    let rule = case["http_rule"].to_string();
    let message = match case["message"].as_str() {
        Some("same") => before
            .get(&rule)
            .or_else(|| before.get(""))
            .cloned()
            .unwrap_or_default(),
        Some(same) if same.starts_with("same as ") => {
            before.get(&same[8..]).cloned().unwrap_or_default()
        }
        _ => case["message"].clone(),
    };
    case["message"] = message.clone();
    for key in [case["id"].as_str().unwrap_or_default(), &rule, ""] {
        before.insert(key.to_owned(), message.clone());
    }
}

struct Case<'c>(&'c Json);

type Outcome = Result<(), String>;

impl Case<'_> {
    fn expected(&self) -> &Json {
        let recommended = &self.0["recommended_expect"];
        if recommended.is_null() {
            &self.0["expect"]
        } else {
            recommended
        }
    }

    fn run(&self) -> Outcome {
        let expected = self.expected();
        let compiled = self.compile();
        if expected["expect"] == "template-error" {
            return match compiled {
                Err(_) => Ok(()),
                Ok(_) => Err(String::from("the template was accepted")),
            };
        }
        let (api, settings) = compiled?;
        if let Some(parse) = expected.get("parse") {
            return same("parse", &explain::template(&api.rules()[0].template), parse);
        }
        let answer = self.ask(&api, &settings);
        if expected["expect"] == "no-match" {
            let missed = answer["rpc"].is_null();
            let missed = missed
                .then_some(())
                .ok_or_else(|| format!("{} matched", answer["rpc"]));
            return missed.and_then(|()| self.check_error(&answer));
        }
        if expected["http_status"]
            .as_u64()
            .is_some_and(|status| status >= 400)
        {
            return self.check_error(&answer);
        }
        if let Some(error) = answer.get("error") {
            return Err(error.to_string());
        }
        if let Some(rpc) = expected["rpc"].as_str() {
            same("rpc", &answer["rpc"], &json!(format!("cases.S.{rpc}")))?;
        }
        let mut bindings = without_empty(&canonical(&answer["bindings"]));
        let wanted = without_empty(&canonical(&expected["bindings"]));
        if self.0["kind"] == "query" {
            // Such a case tells at times only of what does not come from the body.
            bindings
                .retain(|name, _| wanted.contains_key(name) || !answer["sources"][name].is_null());
        }
        match bindings == wanted {
            true => Ok(()),
            false => Err(format!(
                "bound {}, wanted {}",
                json!(bindings),
                json!(wanted)
            )),
        }
    }

    fn check_error(&self, answer: &Json) -> Outcome {
        let expected = self.expected();
        let error = answer
            .get("error")
            .ok_or_else(|| format!("no error in {answer}"))?;
        if let Some(status) = expected.get("http_status") {
            same("status", &error["status"], status)?;
        }
        match expected["headers"].get("allow") {
            Some(allow) => same("allow", &error["allow"], allow),
            None => Ok(()),
        }
    }

    fn ask(&self, api: &Api, settings: &Settings) -> Json {
        let request = &self.0["request"];
        let path = request["path"].as_str().unwrap();
        let path = path.replace("<64000 x \"/\">", &"/".repeat(64_000));
        let header = |name: &str| {
            let headers = request["headers"].as_object()?;
            let (_, value) = headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            value.as_str().map(str::to_owned)
        };
        let question = Question {
            method: request["method"].as_str().unwrap(),
            path_and_query: &path,
            header: &header,
        };
        let text = request["body"].as_str().unwrap_or_default();
        explain::explain(api, settings, question, |found, bound| {
            let mut message = body(found.rule, text, settings)?;
            bound.apply(&mut message)?;
            Ok(vec![message])
        })
    }

    fn compile(&self) -> Result<(Api, Settings), String> {
        let (rules, methods) = self.rules()?;
        let mut given = options(&self.0["options"]);
        if self.0["recommend"]
            .as_str()
            .is_some_and(|text| text.contains("opt-in"))
        {
            given["query"] = json!({ "brackets": true, "deep-object": true, "comma-separated": true, "repeated-messages": 256 });
        }
        if self.0["kind"] == "path" {
            // Their queries are there to be left alone.
            given["query"]["unknown"] = json!("ignore");
        }
        given["rules"] = json!(rules);
        let settings = settings(given);
        let imports = ["known.proto", "google/api/httpbody.proto"];
        let wkt = [
            "any",
            "duration",
            "field_mask",
            "struct",
            "timestamp",
            "wrappers",
        ];
        let wkt = wkt.map(|name| format!("google/protobuf/{name}.proto"));
        let imports = imports.into_iter().chain(wkt.iter().map(String::as_str));
        let imports: String = imports.map(|name| format!("import \"{name}\"; ")).collect();
        let source = format!("syntax = \"proto3\"; package cases; {imports} {methods}");
        let api = Api::compile(&try_pool(&source)?, &settings);
        api.map(|api| (api, settings))
            .map_err(|problems| format!("{problems:?}"))
    }

    /// Fields that the expected bindings name, with types that can hold them.
    fn bound_fields(&self) -> Vec<(String, String)> {
        let bindings = self.expected()["bindings"]
            .as_object()
            .into_iter()
            .flatten();
        let fields = bindings.filter_map(|(path, value)| {
            let kind = match value {
                Json::Bool(_) => "bool",
                Json::Number(number) if number.is_f64() => "double",
                Json::Number(_) => "int64",
                Json::String(_) => "string",
                _ => return None,
            };
            Some((path.clone(), kind.to_owned()))
        });
        fields.collect()
    }

    /// The rules as settings, and the service with its messages.
    fn rules(&self) -> Result<(Vec<Json>, String), String> {
        let mut rules = BTreeMap::<String, Vec<Json>>::new();
        for rule in self.0["templates"].as_array().into_iter().flatten() {
            let method = rule["method"].as_str().unwrap();
            let binding = json!({ "custom": { method: rule["template"] } });
            rules
                .entry(rule["rpc"].as_str().unwrap().to_owned())
                .or_default()
                .push(binding);
        }
        if let Some(rule) = self.0["http_rule"].as_object() {
            let mut rule = kebab(rule);
            let more = rule.remove("additional-bindings").unwrap_or_default();
            let more = more
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Json::as_object)
                .map(kebab)
                .map(Json::Object);
            rules.insert(
                "M".into(),
                std::iter::once(Json::Object(rule)).chain(more).collect(),
            );
        }
        let (mut methods, mut messages, mut given) = (String::new(), String::new(), Vec::new());
        for (rpc, bindings) in rules {
            let mut needed = variables(&bindings)?;
            needed.extend(self.bound_fields());
            let prose = self.0["message"].as_str().unwrap_or_default();
            let body = bindings[0]["body"].as_str().unwrap_or_default();
            let schema = messages::schema(prose, body, &needed);
            let renamed = if schema.definitions.is_empty() {
                schema.input
            } else {
                format!("In{rpc}")
            };
            messages +=
                &schema
                    .definitions
                    .replacen("message In ", &format!("message In{rpc} "), 1);
            methods += &format!("rpc {rpc}({renamed}) returns ({renamed}); ");
            let mut rule = bindings[0].clone();
            rule["selector"] = json!(format!("cases.S.{rpc}"));
            rule["additional-bindings"] = json!(bindings[1..]);
            given.push(rule);
        }
        Ok((given, format!("service S {{ {methods} }} {messages}")))
    }
}

/// Fields that variables name, as strings.
fn variables(bindings: &[Json]) -> Result<Vec<(String, String)>, String> {
    let mut variables = Vec::new();
    for binding in bindings {
        let custom = binding["custom"].as_object().into_iter().flatten();
        let known = ["get", "put", "post", "delete", "patch"].map(|method| &binding[method]);
        for template in custom
            .map(|(_, template)| template)
            .chain(known)
            .filter_map(Json::as_str)
        {
            let template = Template::parse(template).map_err(|error| error.to_string())?;
            let fields = template
                .variables()
                .iter()
                .map(|variable| variable.field.clone());
            variables.extend(fields.map(|field| (field, String::from("string"))));
        }
    }
    Ok(variables)
}

fn kebab(rule: &Map<String, Json>) -> Map<String, Json> {
    let entries = rule
        .iter()
        .map(|(key, value)| (key.replace('_', "-"), value.clone()));
    entries.collect()
}

/// Settings for the options of a case.
fn options(options: &Json) -> Json {
    let mut given = json!({ "query": {}, "path": {}, "body": {} });
    for (name, value) in options.as_object().into_iter().flatten() {
        let on = value == true;
        match name.as_str() {
            "query_param_unescape_plus" => given["query"]["plus-is-space"] = value.clone(),
            "ignored_query_parameters" => given["query"]["ignore"] = value.clone(),
            "ignore_unknown_query_parameters" if on => given["query"]["unknown"] = json!("ignore"),
            "reject_unknown_query_parameters" if on && given["query"]["unknown"].is_null() => {
                given["query"]["unknown"] = json!("refuse")
            }
            "match_unregistered_custom_verb" if on => {
                given["path"]["unregistered-verb"] = json!("refuse")
            }
            "url_unescape_spec" => {
                given["path"]["keep-escaped"] = json!(match value.as_str() {
                    Some("ALL_CHARACTERS") => "none",
                    Some("ALL_CHARACTERS_EXCEPT_RESERVED") => "reserved",
                    _ => "slash",
                });
            }
            "reject_binding_body_field_collisions" if on => {
                given["body"]["on-conflict"] = json!("refuse")
            }
            "dotted_body_path" => given["body"]["dotted-path"] = value.clone(),
            "unknown_json_fields" if value == "reject" => {
                given["body"]["unknown-fields"] = json!("refuse")
            }
            _ => {}
        }
    }
    given
}

/// The message that a JSON body gives.
fn body(rule: &Rule, text: &str, settings: &Settings) -> Result<DynamicMessage, Refusal> {
    let mut message = DynamicMessage::new(rule.rpc.input());
    let options = ReadOptions {
        bounds: Bounds::from(&settings.limits),
        refuse_unknown: settings.body.unknown_fields == crate::settings::UnknownFields::Refuse,
    };
    if text.is_empty() {
        return Ok(message);
    }
    let refused = |error: crate::json::JsonError| error.refusal(text.as_bytes());
    let reader = || Reader::new(text.as_bytes(), &options).map_err(refused);
    match &rule.body {
        BodyRule::None => {}
        BodyRule::Whole => message = reader()?.message(&message.descriptor()).map_err(refused)?,
        BodyRule::Field(fields) => {
            let (last, way) = fields.split_last().unwrap();
            let value = reader()?.field(last).map_err(refused)?;
            let mut inner = &mut message;
            for field in way {
                inner = inner.get_field_mut(field).as_message_mut().unwrap();
            }
            inner.set_field(
                last,
                value.unwrap_or_else(|| ProtoValue::default_value_for_field(last)),
            );
        }
    }
    Ok(message)
}

fn same(what: &str, found: &Json, wanted: &Json) -> Outcome {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what} is {found}, not {wanted}")),
    }
}

/// Bytes in one spelling, whole numbers in one type.
fn canonical(json: &Json) -> Json {
    match json {
        Json::Object(members) => match (members.get("$utf8"), members.get("$hex")) {
            (Some(text), _) => {
                let mut base64 = String::new();
                crate::json::base64::encode_into(text.as_str().unwrap().as_bytes(), &mut base64);
                json!({ "$b64": base64 })
            }
            _ => Json::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), canonical(value)))
                    .collect(),
            ),
        },
        Json::Array(elements) => elements.iter().map(canonical).collect(),
        Json::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// A list that is not there and one that is empty are the same message.
fn without_empty(json: &Json) -> Map<String, Json> {
    let members = json.as_object().cloned().unwrap_or_default();
    members
        .into_iter()
        .filter(|(_, value)| *value != json!([]))
        .collect()
}
