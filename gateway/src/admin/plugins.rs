//! `GET /plugins`: the components that are live, and what they may do.

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'a> {
    name: &'a str,
    generation: u64,
    /// SHA-256 of the component file.
    digest: String,
    phases: Vec<String>,
    grants: Vec<String>,
    /// JSON Schema of its configuration.
    schema: serde_json::Value,
}

pub(super) fn answer(control: &Control) -> Answer {
    let snapshot = control.snapshot();
    let shown: Vec<_> = snapshot
        .plugins
        .iter()
        .map(|plugin| Shown {
            name: plugin.name(),
            generation: plugin.generation(),
            digest: plugin
                .content_hash()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            phases: plugin
                .phases()
                .iter()
                .map(|phase| phase.to_string())
                .collect(),
            grants: plugin.grants().iter().collect(),
            schema: serde_json::from_str(plugin.schema()).unwrap_or_default(),
        })
        .collect();
    json(StatusCode::OK, &shown)
}
