//! The compiled table as a list, for people and for the admin API.

use serde::Serialize;

use super::{Action, Snapshot};

/// One way to match one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `*` for any.
    pub host: String,
    /// `/a/*` for a prefix, `~ EXPRESSION` for a regular expression.
    pub path: String,
    /// `*` for any.
    pub method: String,
    /// On header fields and on the query; empty if there are none.
    pub conditions: String,
    pub plugins: Vec<String>,
    pub action: String,
    pub name: String,
    pub file: String,
    pub line: u32,
}

impl Snapshot {
    /// In the order of matching; equals by their text.
    pub fn rows(&self) -> Vec<Row> {
        let row = |rule: &std::sync::Arc<crate::pipeline::route::Rule>| {
            let route = self.table.route(rule.route)?;
            let plugins = route.written().plugins.iter();
            Some(Row {
                host: rule.host.to_string(),
                path: rule.path.to_string(),
                method: rule.methods(),
                conditions: rule.conditions(),
                plugins: plugins.map(|it| it.name.value.clone()).collect(),
                action: describe(&route.action),
                name: route.name.to_string(),
                file: route.place.file.display().to_string(),
                line: route.place.span.line,
            })
        };
        self.table.rules().into_iter().filter_map(row).collect()
    }
}

fn describe(action: &Action) -> String {
    match action {
        Action::Forward { upstream, .. } => format!("to {}", upstream.name),
        Action::Redirect(redirect) => format!("redirect {}", redirect.status().as_u16()),
        Action::Respond(respond) => format!("respond {}", respond.status().as_u16()),
    }
}
