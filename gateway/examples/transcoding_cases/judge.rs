//! Runs one case, and compares what happened with what has to happen.

mod checks;
mod plan;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::{
    Prepared,
    client::{self, Sent},
    derive,
    gateway::{self, Gateway},
    upstream::Upstream,
};
use checks::Happened;

/// Fails with what was not as it has to be. `refusal` is what the gateway says of the case's route.
pub(crate) async fn judge(
    prepared: &Prepared,
    refusal: Option<&str>,
    gateway: &Gateway,
    upstream: &Upstream,
) -> anyhow::Result<()> {
    let case = &prepared.case;
    if case.expect.get("expect") == Some(&json!("template-error")) {
        ensure!(refusal.is_some(), "the template is not refused");
        return Ok(());
    }
    if let Some(refusal) = refusal {
        bail!("the route is refused: {refusal}");
    }
    if let Some(parse) = case.expect.get("parse") {
        return parsed(prepared, parse, gateway, upstream).await;
    }
    let happened = exchange(prepared, case.method(), &case.path(), gateway, upstream).await?;
    for (key, expected) in &case.expect {
        checks::check(prepared, &happened, key, expected).with_context(|| {
            let answer = &happened.answer;
            format!(
                "{key} (the answer was {} {:.300})",
                answer.status,
                answer.text()
            )
        })?;
    }
    Ok(())
}

async fn exchange(
    prepared: &Prepared,
    method: &str,
    path: &str,
    gateway: &Gateway,
    upstream: &Upstream,
) -> anyhow::Result<Happened> {
    let name = &prepared.name;
    upstream.expect(name, plan::plan(&prepared.case, &prepared.schema)?);
    let sent = Sent {
        host: &gateway::host(name),
        method,
        path,
        case: &prepared.case,
        name,
    };
    Ok(Happened {
        answer: client::exchange(gateway.address, sent, upstream).await?,
        call: upstream.recorded(name),
    })
}

/// A template that has to be read so takes the requests, and binds the fields, that follow from that.
async fn parsed(
    prepared: &Prepared,
    parse: &Value,
    gateway: &Gateway,
    upstream: &Upstream,
) -> anyhow::Result<()> {
    let (path, bindings) = derive::examples(parse)?;
    let template = prepared.case.templates.first().context("no template")?;
    let method = template["method"].as_str().unwrap_or("GET");
    let happened = exchange(prepared, method, &path, gateway, upstream).await?;
    let bindings = bindings
        .into_iter()
        .map(|(field, value)| (field, Value::String(value)))
        .collect();
    let answer = &happened.answer;
    checks::check(prepared, &happened, "bindings", &Value::Object(bindings)).with_context(
        || {
            format!(
                "{path} (the answer was {} {})",
                answer.status,
                answer.text()
            )
        },
    )?;
    // And nothing beside.
    let other = exchange(
        prepared,
        method,
        &format!("/unlikely{path}/at-all:never"),
        gateway,
        upstream,
    )
    .await?;
    let any = parse["segments"][0] == "**" || parse["segments"][0] == "*";
    ensure!(
        any || other.call.is_none(),
        "the template takes other paths too"
    );
    Ok(())
}
