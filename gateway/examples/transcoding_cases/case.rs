//! One case as the file has it.

use serde_json::{Map, Value};

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) options: Map<String, Value>,
    /// A google.api.HttpRule as JSON.
    pub(crate) http_rule: Option<Value>,
    /// All rules, for the kind `path`.
    pub(crate) templates: Vec<Value>,
    pub(crate) request: Value,
    pub(crate) upstream: Value,
    /// What has to happen.
    pub(crate) expect: Map<String, Value>,
}

pub(crate) fn read(text: &str) -> anyhow::Result<Vec<Case>> {
    let cases: Vec<Value> = serde_json::from_str(text)?;
    cases.iter().map(one).collect()
}

fn one(value: &Value) -> anyhow::Result<Case> {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let object = |key: &str| value[key].as_object().cloned().unwrap_or_default();
    let id = text("id");
    let mut options = object("options");
    let recommended = value.get("recommended_expect").and_then(Value::as_object);
    let mut expect = recommended.cloned().unwrap_or_else(|| object("expect"));
    if let Some(Value::Object(more)) = expect.remove("options") {
        options.extend(more);
    }
    anyhow::ensure!(!id.is_empty(), "a case has no id: {value}");
    anyhow::ensure!(!expect.is_empty(), "{id} expects nothing");
    Ok(Case {
        kind: text("kind"),
        message: text("message"),
        http_rule: value.get("http_rule").cloned(),
        templates: value["templates"].as_array().cloned().unwrap_or_default(),
        request: value["request"].clone(),
        upstream: value["upstream"].clone(),
        options,
        expect,
        id,
    })
}

impl Case {
    pub(crate) fn path(&self) -> String {
        crate::expand::text(self.request["path"].as_str().unwrap_or("/"))
    }

    pub(crate) fn method(&self) -> &str {
        self.request["method"].as_str().unwrap_or("GET")
    }

    /// A field of the request, whatever its case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.request["headers"].as_object()?;
        fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_str())
    }

    /// Whether the option is `true`.
    pub(crate) fn is(&self, option: &str) -> bool {
        self.options.get(option) == Some(&Value::Bool(true))
    }

    /// The rule's `body` or `response_body`.
    pub(crate) fn rule(&self, key: &str) -> &str {
        let rule = self.http_rule.as_ref();
        rule.and_then(|rule| rule[key].as_str()).unwrap_or_default()
    }
}
