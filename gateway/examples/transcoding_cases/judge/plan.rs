//! What the upstream answers in a case.

use anyhow::Context;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use http::HeaderMap;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value as Reflected};
use serde_json::{Value, json};

use crate::{
    case::Case,
    compare, expand,
    schema::Schema,
    upstream::{Plan, put},
};

pub(super) fn plan(case: &Case, schema: &Schema) -> anyhow::Result<Plan> {
    let upstream = &case.upstream;
    if let Some(raw) = upstream.get("raw_http") {
        return raw_http(raw);
    }
    let mut plan = Plan {
        status: 200,
        echoes: schema.echoes,
        is_slow: upstream.is_null() && case.expect.get("http_status") == Some(&json!(504)),
        ..Plan::default()
    };
    put(&mut plan.fields, "content-type", "application/grpc")?;
    for (name, value) in fields(&upstream["headers"]) {
        put(&mut plan.fields, name, value)?;
    }
    plan.pieces = pieces(case, schema)?;
    let ended = ended(case, schema)?;
    let trailers_only = plan.pieces.is_empty()
        && upstream["grpc_status"].as_i64().unwrap_or_default() != 0
        && upstream["headers_first"] != true;
    if trailers_only {
        plan.fields.extend(ended);
    } else {
        plan.trailers = Some(ended);
    }
    Ok(plan)
}

fn raw_http(raw: &Value) -> anyhow::Result<Plan> {
    let mut plan = Plan {
        status: u16::try_from(raw["status"].as_u64().unwrap_or(200))?,
        ..Plan::default()
    };
    for (name, value) in fields(&raw["headers"]) {
        put(&mut plan.fields, name, value)?;
    }
    plan.pieces = raw["body"]
        .as_str()
        .map(|body| Bytes::from(body.to_owned()))
        .into_iter()
        .collect();
    Ok(plan)
}

fn fields(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}

fn frame(message: &[u8]) -> anyhow::Result<Bytes> {
    let length = u32::try_from(message.len())?.to_be_bytes();
    Ok([&[0][..], &length, message].concat().into())
}

fn pieces(case: &Case, schema: &Schema) -> anyhow::Result<Vec<Bytes>> {
    let upstream = &case.upstream;
    if let Some(hex) = upstream["raw_grpc_hex"].as_str() {
        return Ok(vec![expand::hex(hex)?.into()]);
    }
    if let Some(hex) = upstream["raw_grpc_message_hex"].as_str() {
        return Ok(vec![frame(&expand::hex(hex)?)?]);
    }
    let Some(messages) = upstream.get("messages") else {
        // A good end without a word about messages: one that is empty.
        let ends_well = upstream["grpc_status"].as_i64().unwrap_or_default() == 0;
        let one = ends_well
            && !schema
                .service
                .methods()
                .any(|method| method.is_server_streaming());
        return Ok(one.then(|| frame(&[])).transpose()?.into_iter().collect());
    };
    let response = schema.response()?;
    if let Some(marker) = messages.as_str() {
        return many(marker, schema);
    }
    let messages = messages.as_array().context("messages are no array")?;
    let frames = messages
        .iter()
        .map(|message| frame(&compare::message(&response, message)?.encode_to_vec()));
    let frames: Vec<Bytes> = frames.collect::<anyhow::Result<_>>()?;
    if upstream["one_data_frame"] == true {
        return Ok(vec![frames.concat().into()]);
    }
    Ok(frames)
}

/// `<50 x Shelf, any chunking, incl. 1 byte>`.
fn many(marker: &str, schema: &Schema) -> anyhow::Result<Vec<Bytes>> {
    let count = marker
        .trim_start_matches('<')
        .split(' ')
        .next()
        .unwrap_or_default();
    let response = schema.response()?;
    let mut bytes = Vec::new();
    for index in 0..count.parse::<usize>()? {
        let mut message = DynamicMessage::new(response.clone());
        let text = Reflected::String(format!("message {index}"));
        // Whatever text it has.
        for name in ["name", "theme", "title"] {
            let _ = message.try_set_field_by_name(name, text.clone());
        }
        bytes.extend_from_slice(&frame(&message.encode_to_vec())?);
    }
    Ok(bytes.into_iter().map(|byte| vec![byte].into()).collect())
}

/// The fields at the end of a call.
fn ended(case: &Case, schema: &Schema) -> anyhow::Result<HeaderMap> {
    let upstream = &case.upstream;
    let mut ended = HeaderMap::new();
    let status = upstream["grpc_status"].as_i64().unwrap_or_default();
    put(&mut ended, "grpc-status", &status.to_string())?;
    if let Some(message) = upstream["grpc_message"].as_str() {
        put(&mut ended, "grpc-message", &percent_encoded(message))?;
    }
    if let Some(message) = upstream["grpc_message_on_wire"].as_str() {
        put(&mut ended, "grpc-message", message)?;
    }
    for (name, value) in fields(&upstream["trailers"]) {
        if value.starts_with('<') {
            // google.rpc.Status { code: 5, details: [Any { "type.googleapis.com/acme.Unknown", [1, 2] }] }
            let bytes = b"\x08\x05\x1a\x26\x0a\x20type.googleapis.com/acme.Unknown\x12\x02\x01\x02";
            put(&mut ended, name, &STANDARD_NO_PAD.encode(bytes))?;
        } else {
            put(&mut ended, name, value)?;
        }
    }
    if let Some(details) = upstream["details"].as_array() {
        let bytes = status_with(details, status, &upstream["grpc_message"], schema)?;
        put(
            &mut ended,
            "grpc-status-details-bin",
            &STANDARD_NO_PAD.encode(bytes),
        )?;
    }
    Ok(ended)
}

fn status_with(
    details: &[Value],
    status: i64,
    message: &Value,
    schema: &Schema,
) -> anyhow::Result<Vec<u8>> {
    let pool = &schema.pool;
    let mut packed = Vec::new();
    for detail in details {
        let mut detail = detail.clone();
        let object = detail.as_object_mut().context("a detail is an object")?;
        let url = object.remove("@type").context("a detail has a type")?;
        let url = url.as_str().unwrap_or_default().to_owned();
        let name = url.rsplit('/').next().unwrap_or_default();
        let descriptor = pool
            .get_message_by_name(name)
            .with_context(|| format!("{name} is not known"))?;
        let any = pool
            .get_message_by_name("google.protobuf.Any")
            .context("no Any")?;
        let mut any = DynamicMessage::new(any);
        let bytes = compare::message(&descriptor, &detail)?.encode_to_vec();
        any.set_field_by_name("value", Reflected::Bytes(bytes.into()));
        any.set_field_by_name("type_url", Reflected::String(url));
        packed.push(Reflected::Message(any));
    }
    let descriptor = pool
        .get_message_by_name("google.rpc.Status")
        .context("no Status")?;
    let mut whole = DynamicMessage::new(descriptor);
    whole.set_field_by_name("code", Reflected::I32(status.try_into()?));
    let message = message.as_str().unwrap_or_default().to_owned();
    whole.set_field_by_name("message", Reflected::String(message));
    whole.set_field_by_name("details", Reflected::List(packed));
    Ok(whole.encode_to_vec())
}

/// As `grpc-message` is written.
fn percent_encoded(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}
