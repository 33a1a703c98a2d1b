//! `witgate explain METHOD URL [-H …] [-d …]`: what the gateway would do with a request, and why.

use std::fmt::Write as _;

use crate::{
    pipeline::route::Invalid,
    snapshot::{Destination, Explanation, PluginRun, Probe, Refusal, Snapshot, Winner},
};

/// `headers` as on the command line: `NAME: VALUE`; `body` as it would be sent.
///
/// # Errors
/// When what is asked is no request.
pub fn ask(
    snapshot: &Snapshot,
    method: &str,
    url: &str,
    headers: &[String],
    body: Option<Vec<u8>>,
) -> Result<Explanation, Invalid> {
    let split = |header: &'_ String| -> Result<(String, String), Invalid> {
        let (name, value) = header.split_once(':').ok_or_else(|| {
            Invalid::new(
                format!("`{header}` is not a header field"),
                "write it as `-H 'x-tenant: acme'`",
            )
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    let headers: Vec<_> = headers.iter().map(split).collect::<Result<_, _>>()?;
    let headers = headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let probe = Probe::parse(method, url, headers)?.with_body(body);
    Ok(snapshot.explain(&probe))
}

/// For people.
pub fn render(explanation: &Explanation) -> String {
    let mut out = String::new();
    let asked = &explanation.request;
    let query = asked.query.as_ref().map(|query| format!("?{query}"));
    line(
        &mut out,
        0,
        &format!(
            "{} {}{}{}",
            asked.method,
            asked.host,
            asked.path,
            query.unwrap_or_default()
        ),
    );
    if let Some(winner) = &explanation.route {
        write_winner(&mut out, winner);
    }
    if let Some(refusal) = &explanation.error {
        line(&mut out, 1, &describe_refusal(refusal));
    }
    if !explanation.others.is_empty() {
        line(&mut out, 0, "");
        line(&mut out, 0, "Others that came near:");
    }
    for other in &explanation.others {
        line(
            &mut out,
            1,
            &format!("{} ({}:{})", other.route, other.file, other.line),
        );
        line(&mut out, 2, &other.rule);
        line(&mut out, 2, &other.why);
    }
    if explanation.more > 0 {
        line(
            &mut out,
            1,
            &format!("and {} more that did not match", explanation.more),
        );
    }
    out
}

fn write_winner(out: &mut String, winner: &Winner) {
    line(
        out,
        1,
        &format!(
            "is answered by the route {} ({}:{})",
            winner.name, winner.file, winner.line
        ),
    );
    line(out, 1, &format!("match    {}", winner.rule));
    for (name, value) in &winner.variables {
        line(out, 1, &format!("         {{{name}}} = {value}"));
    }
    for plugin in &winner.plugins {
        let config = match &plugin.config {
            serde_json::Value::Null => String::new(),
            config => format!(" {config}"),
        };
        line(out, 1, &format!("plugin   {}{config}", plugin.name));
        write_said(out, plugin);
    }
    for limit in &winner.rate_limits {
        line(
            out,
            1,
            &format!("limit    {}: {}", limit.name, limit.allows),
        );
    }
    if !winner.allow_origins.is_empty() {
        let origins = winner.allow_origins.join(", ");
        line(out, 1, &format!("cors     pages of {origins}"));
    }
    if let Some(times) = winner.retries {
        line(out, 1, &format!("retry    up to {times} times"));
    }
    line(
        out,
        1,
        &match &winner.action {
            Destination::Forward {
                upstream,
                endpoints,
                host,
                path,
            } => {
                let host = host.as_ref().map(|host| format!(" as host {host}"));
                format!(
                    "to       {upstream} ({}){}, path {path}",
                    endpoints.join(", "),
                    host.unwrap_or_default()
                )
            }
            Destination::Redirect { status, location } => format!("redirect {status} {location}"),
            Destination::Respond { status } => format!("respond  {status}"),
            Destination::BadPath => {
                String::from("answer   400, since what the match captured makes no path")
            }
        },
    );
}

/// What a plugin says, as it would be written by hand.
fn write_said(out: &mut String, plugin: &PluginRun) {
    let says = plugin.says.as_ref();
    let says = says.and_then(|says| serde_json::to_string_pretty(says).ok());
    for text in says.iter().flat_map(|says| says.lines()) {
        line(out, 3, text);
    }
    if let Some(error) = &plugin.error {
        line(out, 3, &format!("says nothing, since {error}"));
    }
}

fn describe_refusal(refusal: &Refusal) -> String {
    match &refusal.allow {
        Some(allow) => format!(
            "is answered with {}: routes match, but for other methods ({allow})",
            refusal.status
        ),
        None => format!("is answered with {}: no route matches", refusal.status),
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    let _ = writeln!(out, "{:1$}{text}", "", depth * 2);
}
