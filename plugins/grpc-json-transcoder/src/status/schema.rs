//! The messages of google/rpc that a status is made of, for services whose own descriptors lack them.

use std::cell::OnceCell;

use prost_reflect::DescriptorPool;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions,
    field_descriptor_proto::{Label, Type},
};

/// A field: its name, its number, and its type: a scalar, a message's name, or that of a message after `*` if it is
/// repeated.
type Field = (&'static str, i32, &'static str);

/// google/protobuf/any.proto and duration.proto, as far as a status needs them.
const PROTOBUF: &[(&str, &[Field])] = &[
    ("Any", &[("type_url", 1, "string"), ("value", 2, "bytes")]),
    (
        "Duration",
        &[("seconds", 1, "int64"), ("nanos", 2, "int32")],
    ),
];

/// google/rpc/status.proto and error_details.proto.
const RPC: &[(&str, &[Field])] = &[
    (
        "Status",
        &[
            ("code", 1, "int32"),
            ("message", 2, "string"),
            ("details", 3, "*.google.protobuf.Any"),
        ],
    ),
    (
        "ErrorInfo",
        &[
            ("reason", 1, "string"),
            ("domain", 2, "string"),
            ("metadata", 3, "*.google.rpc.ErrorInfo.MetadataEntry"),
        ],
    ),
    (
        "RetryInfo",
        &[("retry_delay", 1, ".google.protobuf.Duration")],
    ),
    (
        "DebugInfo",
        &[("stack_entries", 1, "*string"), ("detail", 2, "string")],
    ),
    (
        "QuotaFailure",
        &[("violations", 1, "*.google.rpc.QuotaFailure.Violation")],
    ),
    (
        "PreconditionFailure",
        &[(
            "violations",
            1,
            "*.google.rpc.PreconditionFailure.Violation",
        )],
    ),
    (
        "BadRequest",
        &[(
            "field_violations",
            1,
            "*.google.rpc.BadRequest.FieldViolation",
        )],
    ),
    (
        "RequestInfo",
        &[("request_id", 1, "string"), ("serving_data", 2, "string")],
    ),
    (
        "ResourceInfo",
        &[
            ("resource_type", 1, "string"),
            ("resource_name", 2, "string"),
            ("owner", 3, "string"),
            ("description", 4, "string"),
        ],
    ),
    ("Help", &[("links", 1, "*.google.rpc.Help.Link")]),
    (
        "LocalizedMessage",
        &[("locale", 1, "string"), ("message", 2, "string")],
    ),
];

/// Messages within those, by the outer and their own name.
const NESTED: &[(&str, &str, &[Field])] = &[
    (
        "ErrorInfo",
        "MetadataEntry",
        &[("key", 1, "string"), ("value", 2, "string")],
    ),
    (
        "QuotaFailure",
        "Violation",
        &[("subject", 1, "string"), ("description", 2, "string")],
    ),
    (
        "PreconditionFailure",
        "Violation",
        &[
            ("type", 1, "string"),
            ("subject", 2, "string"),
            ("description", 3, "string"),
        ],
    ),
    (
        "BadRequest",
        "FieldViolation",
        &[
            ("field", 1, "string"),
            ("description", 2, "string"),
            ("reason", 3, "string"),
            ("localized_message", 4, ".google.rpc.LocalizedMessage"),
        ],
    ),
    (
        "Help",
        "Link",
        &[("description", 1, "string"), ("url", 2, "string")],
    ),
];

thread_local! {
    static POOL: OnceCell<DescriptorPool> = const { OnceCell::new() };
}

/// Made when it is first needed.
pub(super) fn pool() -> DescriptorPool {
    POOL.with(|pool| pool.get_or_init(build).clone())
}

fn build() -> DescriptorPool {
    let mut pool = DescriptorPool::new();
    let files = [
        file(
            "google/protobuf/well_known.proto",
            "google.protobuf",
            PROTOBUF,
            &[],
        ),
        file(
            "google/rpc/status.proto",
            "google.rpc",
            RPC,
            &["google/protobuf/well_known.proto"],
        ),
    ];
    // The tables are right, as a test sees; without them no detail would be known, and all be printed as bytes.
    let _ = pool.add_file_descriptor_protos(files);
    pool
}

fn file(
    name: &str,
    package: &str,
    messages: &[(&str, &[Field])],
    imports: &[&str],
) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some(package.to_owned()),
        dependency: imports.iter().map(|import| (*import).to_owned()).collect(),
        syntax: Some(String::from("proto3")),
        message_type: messages
            .iter()
            .map(|(name, fields)| DescriptorProto {
                nested_type: nested(package, name),
                ..message(name, fields)
            })
            .collect(),
        ..FileDescriptorProto::default()
    }
}

fn nested(package: &str, outer: &str) -> Vec<DescriptorProto> {
    NESTED
        .iter()
        .filter(|(owner, ..)| package == "google.rpc" && *owner == outer)
        .map(|(_, name, fields)| message(name, fields))
        .collect()
}

fn message(name: &str, fields: &[Field]) -> DescriptorProto {
    DescriptorProto {
        name: Some(name.to_owned()),
        field: fields.iter().map(field).collect(),
        options: name.ends_with("Entry").then(|| MessageOptions {
            map_entry: Some(true),
            ..MessageOptions::default()
        }),
        ..DescriptorProto::default()
    }
}

fn field((name, number, of): &Field) -> FieldDescriptorProto {
    let (label, of) = match of.strip_prefix('*') {
        Some(of) => (Label::Repeated, of),
        None => (Label::Optional, *of),
    };
    let kind = match of {
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        _ => Type::Message,
    };
    FieldDescriptorProto {
        name: Some((*name).to_owned()),
        number: Some(*number),
        label: Some(label.into()),
        r#type: Some(kind.into()),
        type_name: (kind == Type::Message).then(|| of.to_owned()),
        ..FieldDescriptorProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_make_a_pool() {
        let pool = pool();
        for (name, _) in RPC {
            assert!(
                pool.get_message_by_name(&format!("google.rpc.{name}"))
                    .is_some(),
                "{name}"
            );
        }
        let info = pool.get_message_by_name("google.rpc.ErrorInfo").unwrap();
        assert!(info.get_field_by_name("metadata").unwrap().is_map());
    }
}
