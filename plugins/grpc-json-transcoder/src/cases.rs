//! Runs the cases of a file that are about templates and paths, against the matcher itself.
//!
//! The file is named by the variable WITGATE_TRANSCODING_CASES; without it, one beside the workspace is looked for.
//! A short list of our own runs in any case. `cargo xtask transcoding-cases` runs all kinds of cases, in a gateway.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value as Json, json};

use crate::{
    explain::{self, Question},
    rules::Api,
    settings::Settings,
    template::Template,
    testing::{settings, try_pool},
};

const OWN: &str = include_str!("cases.json");
const ELSEWHERE: &str = "../../../shared/transcoding/cases.json";

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
    let cases: Vec<Json> = serde_json::from_str(text).unwrap();
    let cases = cases.iter().filter(|case| case["kind"] == "path");
    // Calls are not made of REST here.
    let cases: Vec<_> = cases.filter(|case| case["message"].is_null()).collect();
    assert!(!cases.is_empty());
    let outcomes = cases.into_iter().map(|case| (case, Case(case).run()));
    outcomes
        .filter_map(|(case, outcome)| Some(format!("{}: {}", case["id"], outcome.err()?)))
        .collect()
}

struct Case<'c>(&'c Json);

type Outcome = Result<(), String>;

impl Case<'_> {
    fn expected(&self) -> &Json {
        match &self.0["recommended_expect"] {
            Json::Null => &self.0["expect"],
            recommended => recommended,
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
        if let Some(rpc) = expected["rpc"].as_str() {
            same("error", &answer["error"], &Json::Null)?;
            same("rpc", &answer["rpc"], &json!(format!("cases.S.{rpc}")))?;
            return same("bindings", &answer["bindings"], &expected["bindings"]);
        }
        if expected["expect"] == "no-match" {
            same("rpc", &answer["rpc"], &Json::Null)?;
        }
        let error = &answer["error"];
        for (found, wanted) in [
            (&error["status"], &expected["http_status"]),
            (&error["allow"], &expected["headers"]["allow"]),
        ] {
            if !wanted.is_null() {
                same("error", found, wanted)?;
            }
        }
        Ok(())
    }

    fn ask(&self, api: &Api, settings: &Settings) -> Json {
        let request = &self.0["request"];
        let path = request["path"].as_str().unwrap();
        let question = Question {
            method: request["method"].as_str().unwrap(),
            path_and_query: &path.replace("<64000 x \"/\">", &"/".repeat(64_000)),
            header: &|_| None,
        };
        // Paths give strings alone, which are shown without a message.
        explain::explain(api, settings, question, |_, _| Ok(Vec::new()))
    }

    /// A method for each name, its rules in the settings, its message a string for each variable.
    fn compile(&self) -> Result<(Api, Settings), String> {
        let mut bindings = BTreeMap::<&str, Vec<Json>>::new();
        let mut messages = BTreeMap::<&str, Message>::new();
        for rule in self.0["templates"].as_array().unwrap() {
            let text = |key: &str| rule[key].as_str().unwrap();
            let binding = json!({ "custom": { text("method"): text("template") } });
            bindings.entry(text("rpc")).or_default().push(binding);
            let message = messages.entry(text("rpc")).or_default();
            let template = Template::parse(text("template")).map_err(|error| error.to_string())?;
            for variable in template.variables() {
                message.add(&variable.field);
            }
        }
        let methods = messages
            .keys()
            .map(|rpc| format!("rpc {rpc}(In{rpc}) returns (In{rpc}); "));
        let methods: String = methods.collect();
        let messages = messages
            .iter()
            .map(|(rpc, message)| message.print(&format!("In{rpc}")));
        let messages: String = messages.collect();
        let source =
            format!("syntax = \"proto3\"; package cases; service S {{ {methods} }} {messages}");
        let rules = bindings.into_iter().map(|(rpc, mut bindings)| {
            let mut rule = bindings.remove(0);
            rule["selector"] = json!(format!("cases.S.{rpc}"));
            rule["additional-bindings"] = json!(bindings);
            rule
        });
        let rules: Vec<_> = rules.collect();
        let settings = settings(&json!({
            "rules": rules,
            "path": self.path_settings(),
            "query": { "unknown": "ignore" },
        }));
        let api = Api::compile(&try_pool(&source)?, &settings);
        api.map(|api| (api, settings))
            .map_err(|problems| format!("{problems:?}"))
    }

    fn path_settings(&self) -> Json {
        let options = &self.0["options"];
        let keep = match options["url_unescape_spec"].as_str() {
            Some("ALL_CHARACTERS") => "none",
            Some("ALL_CHARACTERS_EXCEPT_RESERVED") => "reserved",
            _ => "slash",
        };
        let strict = options["match_unregistered_custom_verb"] == true;
        json!({ "keep-escaped": keep, "unregistered-verb": if strict { "refuse" } else { "data" } })
    }
}

/// Strings, and messages of them.
#[derive(Default)]
struct Message(BTreeMap<String, Message>);

impl Message {
    fn add(&mut self, path: &str) {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let inner = self.0.entry(name.to_owned()).or_default();
        if !rest.is_empty() {
            inner.add(rest);
        }
    }

    fn print(&self, name: &str) -> String {
        let fields = self.0.iter().enumerate().map(|(index, (field, inner))| {
            let number = index + 1;
            if inner.0.is_empty() {
                return format!("string {field} = {number}; ");
            }
            format!(
                "{} T{field} {field} = {number}; ",
                inner.print(&format!("T{field}"))
            )
        });
        format!("message {name} {{ {}}} ", fields.collect::<String>())
    }
}

fn same(what: &str, found: &Json, wanted: &Json) -> Outcome {
    match found == wanted || (wanted.is_null() && *found == json!({})) {
        true => Ok(()),
        false => Err(format!("{what}: {found}, not {wanted}")),
    }
}
