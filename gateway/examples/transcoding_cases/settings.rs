//! The configuration that a case's options ask for.

use serde_json::{Map, Value, json};

use crate::case::Case;

/// The transcoder's settings for a case; none if the route has no transcoder.
pub(crate) fn settings(name: &str, case: &Case) -> anyhow::Result<Option<Value>> {
    if case.options.contains_key("route_override")
        || (case.http_rule.is_none() && case.templates.is_empty() && case.kind != "path")
    {
        return Ok(None);
    }
    let mut settings = json!({ "descriptors": name });
    for (option, value) in &case.options {
        if let Some((path, value)) = setting(option, value)? {
            put(&mut settings, path, value);
        }
    }
    if case.is("ignore_unknown_query_parameters") {
        put(&mut settings, "query.unknown", json!("ignore"));
    }
    implied(case, &mut settings);
    Ok(Some(settings))
}

/// The setting that is meant by an option, if it takes one.
fn setting(option: &str, value: &Value) -> anyhow::Result<Option<(&'static str, Value)>> {
    let on = value == &Value::Bool(true);
    let choose = |yes: &str, no: &str| json!(if on { yes } else { no });
    Ok(Some(match option {
        "query_param_unescape_plus" => ("query.plus-is-space", value.clone()),
        "ignored_query_parameters" => ("query.ignore", value.clone()),
        "reject_unknown_query_parameters" => ("query.unknown", choose("refuse", "ignore")),
        "url_unescape_spec" => (
            "path.keep-escaped",
            json!(match value.as_str() {
                Some("ALL_CHARACTERS_EXCEPT_RESERVED") => "reserved",
                Some("ALL_CHARACTERS") => "none",
                _ => "slash",
            }),
        ),
        "match_unregistered_custom_verb" => ("path.unregistered-verb", choose("refuse", "data")),
        "reject_binding_body_field_collisions" => ("body.on-conflict", choose("refuse", "path")),
        "unknown_json_fields" => (
            "body.unknown-fields",
            json!(if value == "reject" {
                "refuse"
            } else {
                "ignore"
            }),
        ),
        "case_insensitive_enum_parsing" => ("body.any-case-enums", value.clone()),
        "auto_mapping" => ("auto-rules", value.clone()),
        "stream_newline_delimited" => ("streams.format", choose("ndjson", "array")),
        "stream_sse_style_delimited" => ("streams.format", choose("sse", "array")),
        "patch_field_mask" => ("body.patch-field-mask", value.clone()),
        "dotted_body_path" => ("body.dotted-path", value.clone()),
        "form_bodies" => ("body.form", value.clone()),
        "max_request_body_size" => ("limits.request-message", value.clone()),
        "max_response_body_size" => ("limits.response-message", value.clone()),
        "always_print_primitive_fields" | "emit_unpopulated" => {
            ("print.defaults", choose("print", "omit"))
        }
        "always_print_enums_as_ints" => ("print.enums", choose("number", "name")),
        "preserve_proto_field_names" => ("print.names", choose("proto", "json")),
        "add_whitespace" => ("print.whitespace", value.clone()),
        "int64_as_number" => ("print.int64", choose("number", "string")),
        "stream_dialect" => ("streams.dialect", value.clone()),
        // What these ask for is always so, or is the unknown parameters' setting; chunks are the client's.
        "convert_grpc_status" | "ignore_unknown_query_parameters" | "chunking" => return Ok(None),
        other => anyhow::bail!("the runner does not know the option `{other}`"),
    }))
}

/// Extensions that a case uses without an option for them.
fn implied(case: &Case, settings: &mut Value) {
    let refused = case.expect.get("http_status") == Some(&json!(400));
    let query = case
        .path()
        .split_once('?')
        .map(|(_, query)| query.to_owned());
    let query = query.unwrap_or_default();
    if query.contains("[]=") && !refused {
        put(settings, "query.brackets", json!(true));
    }
    if query.contains("[0].") && !refused {
        put(settings, "query.repeated-messages", json!(256));
    }
    if case.kind == "path" {
        // These are about paths alone.
        put(settings, "query.unknown", json!("ignore"));
    }
    if case.rule("body").contains('.') || case.rule("response_body").contains('.') {
        put(settings, "body.dotted-path", json!(true));
    }
    let content_type = case.field("content-type").unwrap_or_default();
    if content_type.starts_with("multipart/") && !case.expect.contains_key("http_status") {
        put(settings, "body.multipart", json!(true));
    }
    if case.field("accept") == Some("text/event-stream") {
        // Where the case wants to see them.
        let wanted = case.expect.get("body_contains").map(Value::to_string);
        let wants = |line: &str| wanted.as_ref().is_some_and(|text| text.contains(line));
        if wants("id: ") {
            put(settings, "streams.sse.id", json!("id"));
        }
        if wants("event: ") {
            put(settings, "streams.sse.event", json!("=message"));
        }
        if wants("retry: ") {
            put(settings, "streams.sse.retry", json!("3s"));
        }
    }
}

fn put(settings: &mut Value, path: &str, value: Value) {
    let mut at = settings;
    for key in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[key];
    }
    *at = value;
}
