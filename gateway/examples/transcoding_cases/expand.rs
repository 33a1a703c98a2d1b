//! Markers `<…>` in paths and bodies, and bodies that are no plain text.

use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// `<64000 x "/">`.
pub(crate) fn text(text: &str) -> String {
    let Some((before, rest)) = text.split_once('<') else {
        return text.to_owned();
    };
    let Some((marker, after)) = rest.split_once('>') else {
        return text.to_owned();
    };
    let Some((count, what)) = marker.split_once(" x ") else {
        return text.to_owned();
    };
    let Ok(count) = count.trim().parse::<usize>() else {
        return text.to_owned();
    };
    let what = what.trim().trim_matches('"');
    format!("{before}{}{after}", what.repeat(count))
}

/// The pieces of a request's body.
pub(crate) fn body(value: &Value) -> anyhow::Result<Vec<Vec<u8>>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(marker) if is_marker(marker) => marked(marker),
        Value::String(text) => Ok(vec![text.clone().into_bytes()]),
        Value::Object(object) => match object.get("$chunks") {
            Some(Value::Array(chunks)) => Ok(chunks
                .iter()
                .filter_map(Value::as_str)
                .map(|chunk| chunk.as_bytes().to_vec())
                .collect()),
            _ => bytes(value).map(|bytes| vec![bytes]),
        },
        other => bail!("the runner does not know the body {other}"),
    }
}

fn is_marker(text: &str) -> bool {
    text.starts_with('<') && text.contains('>') && !text.starts_with("<?")
}

fn marked(marker: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    if marker.starts_with("<gRPC frames>") || marker == "<frame>" {
        return Ok(vec![vec![0; 5]]);
    }
    if marker == "<many small DATA frames>" {
        return Ok((0..200u8).map(|index| vec![index; 100]).collect());
    }
    if let Some(rest) = marker.strip_prefix("<array of ") {
        let (count, element) = rest.split_once(' ').context("an array of how many?")?;
        let element = element.trim_end_matches('>');
        let elements: Vec<String> = (0..count.parse::<usize>()?)
            .map(|index| {
                element
                    .replace("\"i\"", &format!("\"{index}\""))
                    .replace("thi\"", &format!("th{index}\""))
            })
            .collect();
        return Ok(vec![format!("[{}]", elements.join(",")).into_bytes()]);
    }
    // <OPEN x N>INNER<CLOSE x N>
    let mut out = String::new();
    let mut rest = marker;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let (what, count, behind) = repeated(after)
            .with_context(|| format!("the runner does not know the marker {marker}"))?;
        out.push_str(&what.repeat(count));
        rest = behind;
    }
    out.push_str(rest);
    Ok(vec![out.into_bytes()])
}

/// What stands before ` x N`, which may be followed by `>`.
fn repeated(text: &str) -> Option<(&str, usize, &str)> {
    let (what, rest) = text.split_once(" x ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let count = rest[..digits].parse().ok()?;
    let behind = &rest[digits..];
    Some((what, count, behind.strip_prefix('>').unwrap_or(behind)))
}

/// `{"$hex"}`, `{"$b64"}`, `{"$utf8"}` or plain text.
pub(crate) fn bytes(value: &Value) -> anyhow::Result<Vec<u8>> {
    if let Some(text) = value.as_str() {
        return Ok(text.as_bytes().to_vec());
    }
    let field = |key: &str| value.get(key).and_then(Value::as_str);
    if let Some(text) = field("$utf8") {
        return Ok(text.as_bytes().to_vec());
    }
    if let Some(text) = field("$b64") {
        return STANDARD.decode(text).context("not base64");
    }
    hex(field("$hex").with_context(|| format!("the runner does not know the bytes {value}"))?)
}

pub(crate) fn hex(text: &str) -> anyhow::Result<Vec<u8>> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).context("not hexadecimal"))
        .collect()
}
