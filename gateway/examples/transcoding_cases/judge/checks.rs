//! One expectation at a time.

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost_reflect::{DynamicMessage, Kind, Value as Reflected};
use serde_json::Value;

use crate::{Prepared, client::Answer, compare, decisions, expand, upstream::Recorded};

/// What happened.
pub(super) struct Happened {
    pub(super) answer: Answer,
    /// What the upstream got, if it got anything.
    pub(super) call: Option<Recorded>,
}

/// Expectations that say nothing by themselves, or nothing about an HTTP exchange.
const SILENT: [&str; 8] = [
    // Which of several good outcomes.
    "or",
    "when",
    // Of the matcher, whose choice the bindings show.
    "body_field_path",
    // The name of a number that is expected too.
    "grpc_status_name",
    // Of templates that have to be refused.
    "reason",
    // Each piece goes out by itself: proved by a test of its own.
    "flush_per_message",
    // The peer's own log format.
    "log_detail",
    "one_text_frame_per_message",
];

impl Happened {
    fn call(&self) -> anyhow::Result<&Recorded> {
        self.call.as_ref().context("the upstream was not called")
    }

    fn messages(&self, prepared: &Prepared) -> anyhow::Result<Vec<DynamicMessage>> {
        let call = self.call()?;
        let descriptor = prepared
            .schema
            .request(&call.path)
            .with_context(|| format!("{} is no method of the case", call.path))?;
        let messages = call.messages.iter();
        messages
            .map(|bytes| {
                Ok(DynamicMessage::decode(
                    descriptor.clone(),
                    bytes.as_slice(),
                )?)
            })
            .collect()
    }

    /// From a head or, as gRPC-Web has it, from a last frame.
    fn grpc_status(&self) -> Option<String> {
        if let Some(status) = self.answer.field("grpc-status") {
            return Some(status.to_owned());
        }
        let trailers = trailer_frame(&self.answer.body)?;
        let line = trailers
            .split("\r\n")
            .find_map(|line| line.strip_prefix("grpc-status:"));
        line.map(|status| status.trim().to_owned())
    }
}

pub(super) fn check(
    prepared: &Prepared,
    happened: &Happened,
    key: &str,
    expected: &Value,
) -> anyhow::Result<()> {
    let answer = &happened.answer;
    match key {
        key if SILENT.contains(&key) => {}
        "expect" => outcome(happened, expected)?,
        "http_status" => ensure!(
            expected.as_u64() == Some(answer.status.into()),
            "the status is {}, not {expected}",
            answer.status
        ),
        "headers" => headers(answer, expected)?,
        "body" => ensure!(expected.as_str() == Some(&answer.text()), "not {expected}"),
        "json" => ensure!(compare::same(&answer.json()?, expected), "not {expected}"),
        "json_contains" => {
            ensure!(
                compare::includes(&answer.json()?, expected),
                "without {expected}"
            );
        }
        "json_length" => ensure!(
            answer.json()?.as_array().map(|array| array.len() as u64) == expected.as_u64(),
            "not {expected} elements"
        ),
        "body_contains" => contains(answer, expected)?,
        "body_hex_prefix" => {
            let prefix = expand::hex(expected.as_str().unwrap_or_default())?;
            ensure!(answer.body.starts_with(&prefix), "{:02x?}", answer.body);
        }
        "trailer_frame" => {
            let text = expected["text"].as_str().unwrap_or_default();
            let trailers = trailer_frame(&answer.body).context("no frame of trailers")?;
            ensure!(trailers.contains(text), "{trailers:?} without {text:?}");
        }
        "base64_stream" => {
            // Several runs may follow each other, each with its padding.
            for run in answer.text().split_inclusive('=').filter(|run| *run != "=") {
                STANDARD
                    .decode(run)
                    .or_else(|_| STANDARD.decode(format!("{run}=")))
                    .context("not base64")?;
            }
        }
        "error_contains" => {
            let text = decisions::wording(&prepared.case, expected.as_str().unwrap_or_default());
            ensure!(answer.text().contains(text), "without {text:?}");
        }
        "grpc_status" => ensure!(
            happened.grpc_status() == expected.as_i64().map(|status| status.to_string()),
            "the status is {:?}, not {expected}",
            happened.grpc_status()
        ),
        _ => call(prepared, happened, key, expected)?,
    }
    Ok(())
}

/// Expectations about what the upstream got.
fn call(
    prepared: &Prepared,
    happened: &Happened,
    key: &str,
    expected: &Value,
) -> anyhow::Result<()> {
    match key {
        "rpc" => ensure!(
            happened.call()?.path.rsplit('/').next() == expected.as_str(),
            "{} was called",
            happened.call()?.path
        ),
        "grpc_method" => ensure!(
            happened.call()?.path.strip_prefix('/') == expected.as_str(),
            "{} was called",
            happened.call()?.path
        ),
        "bindings" => {
            let messages = happened.messages(prepared)?;
            let message = messages.first().context("no message came")?;
            let bindings = expected.as_object().context("no object")?;
            let body = prepared.case.rule("body");
            compare::bindings(message, bindings, if body == "*" { "" } else { body })?;
        }
        "grpc_messages" => {
            let messages = happened.messages(prepared)?;
            let expected = expected.as_array().context("no array")?;
            ensure!(
                messages.len() == expected.len(),
                "{} messages came",
                messages.len()
            );
            for (message, expected) in messages.into_iter().zip(expected) {
                let kind = Kind::Bool;
                let value = Reflected::Message(message);
                ensure!(
                    compare::matches(&value, &kind, expected),
                    "{value} is not {expected}"
                );
            }
        }
        "grpc_message_count" => {
            let count = happened.messages(prepared)?.len() as u64;
            ensure!(Some(count) == expected.as_u64(), "{count} messages came");
        }
        "request_accepted" => ensure!(!happened.call()?.messages.is_empty(), "no message came"),
        "pass_through" => {
            let path = prepared.case.path();
            ensure!(
                happened.call()?.path == path,
                "{} was asked",
                happened.call()?.path
            );
        }
        "grpc_request_metadata" => metadata(happened.call()?, expected)?,
        "deadline_ns" => {
            let timeout = happened
                .call()?
                .fields
                .get("grpc-timeout")
                .context("no deadline")?;
            let left = nanos(timeout.to_str()?).context("no duration")?;
            let whole = expected.as_u64().context("no number")?;
            // What the gateway has used of it may be taken off.
            let spent = 10_000_000_000;
            ensure!(left <= whole && left + spent > whole, "{left} ns");
        }
        "bytes_equal" => bytes_equal(prepared, happened)?,
        other => bail!("the runner does not know what `{other}` is"),
    }
    Ok(())
}

fn outcome(happened: &Happened, expected: &Value) -> anyhow::Result<()> {
    let status = happened.answer.status;
    let good = match expected.as_str() {
        Some("no-match") => status == 404 || status == 405,
        Some("parse-error" | "error") => status == 400,
        _ => bail!("the runner does not know the outcome {expected}"),
    };
    ensure!(good, "the status is {status}");
    ensure!(
        happened.call.is_none(),
        "the upstream was called all the same"
    );
    Ok(())
}

fn headers(answer: &Answer, expected: &Value) -> anyhow::Result<()> {
    for (name, value) in expected.as_object().into_iter().flatten() {
        let found = answer.field(name);
        let good = match value.as_str() {
            None => found.is_none(),
            Some(marker) if marker.starts_with('<') => found.is_some_and(|found| !found.is_empty()),
            // Parameters are the server's to add.
            Some(text) if name == "content-type" => found
                .and_then(|found| found.split(';').next())
                .is_some_and(|found| found == text),
            Some(text) => found == Some(text),
        };
        ensure!(good, "{name} is {found:?}, not {value}");
    }
    Ok(())
}

fn contains(answer: &Answer, expected: &Value) -> anyhow::Result<()> {
    let body = answer.text();
    let all = match expected {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => vec![one.as_str().unwrap_or_default()],
    };
    for text in all {
        ensure!(body.contains(text), "without {text:?}");
    }
    Ok(())
}

fn metadata(call: &Recorded, expected: &Value) -> anyhow::Result<()> {
    for (name, values) in expected.as_object().into_iter().flatten() {
        let found: Vec<&[u8]> = call
            .fields
            .get_all(name)
            .iter()
            .map(|value| value.as_bytes())
            .collect();
        let Some(values) = values.as_array() else {
            ensure!(found.is_empty(), "{name} came");
            continue;
        };
        ensure!(
            found.len() == values.len(),
            "{name} came {} times",
            found.len()
        );
        for (found, value) in found.into_iter().zip(values) {
            let good = match value.as_str() {
                Some(text) => found == text.replace("<peer ip>", "127.0.0.1").as_bytes(),
                None => STANDARD.decode(found).ok() == expand::bytes(value).ok(),
            };
            ensure!(
                good,
                "{name} is {:?}, not {value}",
                String::from_utf8_lossy(found)
            );
        }
    }
    Ok(())
}

fn nanos(timeout: &str) -> Option<u64> {
    let (digits, unit) = timeout.split_at(timeout.len().checked_sub(1)?);
    let unit = match unit {
        "H" => 3_600_000_000_000,
        "M" => 60_000_000_000,
        "S" => 1_000_000_000,
        "m" => 1_000_000,
        "u" => 1_000,
        "n" => 1,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn bytes_equal(prepared: &Prepared, happened: &Happened) -> anyhow::Result<()> {
    let mut data = Vec::new();
    for message in happened.messages(prepared)? {
        if let Some(Reflected::Bytes(bytes)) = message.get_field_by_name("data").as_deref() {
            data.extend_from_slice(bytes);
        }
    }
    let sent = expand::body(&prepared.case.request["body"])?.concat();
    ensure!(data == sent, "{} bytes came of {}", data.len(), sent.len());
    Ok(())
}

/// The text of the last frame of gRPC-Web, which has the flag 0x80.
fn trailer_frame(body: &[u8]) -> Option<String> {
    let mut rest = body;
    while let [flags, a, b, c, d, after @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let content = after.get(..length)?;
        if flags & 0x80 != 0 {
            return Some(String::from_utf8_lossy(content).into_owned());
        }
        rest = &after[length..];
    }
    None
}
