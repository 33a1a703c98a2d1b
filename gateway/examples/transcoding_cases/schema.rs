//! The service that a case is about: its .proto, made of what the case says.

use std::path::Path;

use anyhow::{Context, bail};
use prost_reflect::{DescriptorPool, MessageDescriptor, ServiceDescriptor};
use protox::{
    Compiler,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver},
};
use serde_json::Value;

use crate::{
    case::Case,
    decisions, derive,
    informal::{self, Message},
};

/// Imported by every case's file: what its messages may be made of.
const IMPORTS: [&str; 16] = [
    "conformance.proto",
    "details.proto",
    "examples.proto",
    "library.proto",
    "points.proto",
    "google/api/annotations.proto",
    "google/api/httpbody.proto",
    "google/protobuf/any.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/wrappers.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
];

/// The service of a case, compiled.
pub(crate) struct Schema {
    /// A google.protobuf.FileDescriptorSet.
    pub(crate) set: Vec<u8>,
    pub(crate) pool: DescriptorPool,
    pub(crate) service: ServiceDescriptor,
    /// Whether the upstream answers with what it got.
    pub(crate) echoes: bool,
}

/// A type: one that is there, or one to be made.
enum Type {
    Known(String),
    Made(Message),
}

/// Names that may come with the case.
struct Names {
    package: String,
    service: String,
    method: String,
}

impl Schema {
    pub(crate) fn of(case: &Case, all: &[Case], index: usize) -> anyhow::Result<Self> {
        if case.kind == "path" {
            let names = Names::new(case, index);
            return Self::compile(&derive::paths(case, &names.header())?, &names, false);
        }
        let text = message_text(case, all, index)?;
        let client_streaming =
            text.contains("client stream") || text.contains("HttpBody request over");
        let server_streaming =
            text.starts_with("stream ") && !text.contains("HttpBody request over");
        let names = Names::new(case, index);
        let (request, response) = types(case, &text)?;
        let mut proto = names.header();
        let mut declare = |kind: Type, name: &str| match kind {
            Type::Known(full) => format!(".{full}"),
            Type::Made(message) => {
                proto.push_str(&message.print(name));
                name.to_owned()
            }
        };
        let request = declare(request, "Request");
        let response = declare(response, "Response");
        let stream = |is: bool| if is { "stream " } else { "" };
        proto.push_str(&format!(
            "service {} {{\nrpc {}({}{request}) returns ({}{response}) {{\n{}}}\n}}\n",
            names.service,
            names.method,
            stream(client_streaming),
            stream(server_streaming),
            derive::option(case.http_rule.as_ref())?,
        ));
        Self::compile(&proto, &names, case.kind == "json")
    }

    fn compile(proto: &str, names: &Names, echoes: bool) -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut resolver = ChainFileResolver::new();
        resolver.add(Source(proto.to_owned()));
        resolver.add(IncludeFileResolver::new(
            folder.join("tests/transcoding/protos"),
        ));
        resolver.add(IncludeFileResolver::new(folder.join("protos")));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).include_source_info(true);
        compiler
            .open_file("case.proto")
            .map_err(|error| anyhow::anyhow!("{error:?} in {proto}"))?;
        let set = compiler.encode_file_descriptor_set();
        let pool = DescriptorPool::decode(set.as_slice())?;
        let service = format!("{}.{}", names.package, names.service);
        let service = pool
            .get_service_by_name(&service)
            .with_context(|| format!("{service} is missing in {proto}"))?;
        Ok(Self {
            set,
            pool,
            service,
            echoes,
        })
    }

    /// The method that a call's path names.
    pub(crate) fn request(&self, path: &str) -> Option<MessageDescriptor> {
        let method = path.rsplit_once('/')?.1;
        let mut methods = self.service.methods();
        methods
            .find(|known| known.name() == method)
            .map(|method| method.input())
    }

    /// Of the one method that cases other than those for paths have.
    pub(crate) fn response(&self) -> anyhow::Result<MessageDescriptor> {
        let method = self.service.methods().next();
        method.map(|method| method.output()).context("no method")
    }
}

struct Source(String);

impl FileResolver for Source {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match name {
            "case.proto" => File::from_source(name, &self.0),
            _ => Err(protox::Error::file_not_found(name)),
        }
    }
}

impl Names {
    fn new(case: &Case, index: usize) -> Self {
        let expected = case.expect.get("grpc_method").and_then(Value::as_str);
        let (service, method) = expected
            .and_then(|name| name.rsplit_once('/'))
            .unwrap_or(("", "Call"));
        let (package, service) = match service.rsplit_once('.') {
            Some((package, service)) => (package.to_owned(), service),
            None => (format!("c{index}"), "Service"),
        };
        Self {
            package,
            service: service.to_owned(),
            method: method.to_owned(),
        }
    }

    fn header(&self) -> String {
        let imports: String = IMPORTS
            .iter()
            .map(|import| format!("import \"{import}\";\n"))
            .collect();
        format!("syntax = \"proto3\";\npackage {};\n{imports}", self.package)
    }
}

/// What the case says of its message; `same` is that of an earlier case with the same rule.
fn message_text(case: &Case, all: &[Case], index: usize) -> anyhow::Result<String> {
    let text = case.message.as_str();
    if let Some(id) = text.strip_prefix("same as ") {
        let other = all.iter().find(|other| other.id == id);
        return Ok(other
            .with_context(|| format!("there is no case {id}"))?
            .message
            .clone());
    }
    if let Some(text) = decisions::message(&case.id) {
        return Ok(text.to_owned());
    }
    if text != "same" {
        return Ok(text.to_owned());
    }
    let earlier = all[..index].iter().rev();
    let same_rule = |other: &&Case| other.message != "same" && other.http_rule == case.http_rule;
    Ok(earlier
        .clone()
        .find(same_rule)
        .map(|other| other.message.clone())
        .unwrap_or_default())
}

/// Request and response of the case's one method.
fn types(case: &Case, text: &str) -> anyhow::Result<(Type, Type)> {
    let messages = case.upstream.get("messages");
    let about_response = match case.kind.as_str() {
        "response" | "error" => true,
        "stream" => !case.upstream.is_null(),
        _ => false,
    };
    let described = described(case, text, about_response)?;
    if about_response {
        let response = match described {
            Some(Type::Made(_)) if text.contains("Request{") => None,
            described => described,
        };
        let response = match response {
            Some(response) => response,
            None => Type::Made(derive::response(case, messages)?),
        };
        return Ok((Type::Made(derive::request(case)?), response));
    }
    let request = match described {
        Some(Type::Made(mut message)) => {
            derive::complete(case, &mut message)?;
            Type::Made(message)
        }
        Some(known) => known,
        None => Type::Made(derive::request(case)?),
    };
    let response = match (&request, case.kind.as_str()) {
        (Type::Known(name), "json") => Type::Known(name.clone()),
        (Type::Made(message), "json") => Type::Made(message.clone()),
        _ => Type::Known(String::from("library.Empty")),
    };
    Ok((request, response))
}

/// The message that the text describes, if it does.
fn described(case: &Case, text: &str, about_response: bool) -> anyhow::Result<Option<Type>> {
    let text = text.split(" (").next().unwrap_or_default();
    let text = text.strip_prefix("stream ").unwrap_or(text);
    let text = text.split(", ").next().unwrap_or_default().trim();
    let word = text.split(' ').next().unwrap_or_default();
    Ok(Some(match text {
        "nested three deep" => Type::Known(String::from("examplepb.Proto3Message")),
        text if text.starts_with("enum DeepEnum") => {
            Type::Known(String::from("examplepb.ABitOfEverything"))
        }
        "Book" if !upstream_says(case, "id") => Type::Known(String::from("library.Volume")),
        "HttpBody inside a response message" => return Ok(None),
        text if text.starts_with("HttpBody request over") => {
            Type::Known(String::from("google.api.HttpBody"))
        }
        text if text.starts_with("google.api.HttpBody as") => {
            Type::Known(String::from("google.api.HttpBody"))
        }
        text if !text.contains(' ') && !text.contains('{') => match informal::known(text) {
            Some(full) => Type::Known(full),
            None => return Ok(None),
        },
        text => match informal::named(text) {
            Some((name, inner)) if informal::is_enum(inner) => {
                let mut message = Message::default();
                message.add_type(informal::print_enum(name, inner));
                message.add(name, &name.to_ascii_lowercase());
                Type::Made(message)
            }
            Some((name, inner)) => {
                let fields = informal::fields(inner)?;
                let body = case.rule("body");
                // The text may be about the body's field rather than about the request.
                if !about_response && name.eq_ignore_ascii_case(body) && !fields.has(body) {
                    let mut message = Message::default();
                    message.add_type(fields.print(name));
                    message.add(name, body);
                    Type::Made(message)
                } else {
                    Type::Made(fields)
                }
            }
            None if informal::known(word).is_some() || text.contains('{') || word == "repeated" => {
                Type::Made(informal::fields(text)?)
            }
            None => return Ok(None),
        },
    }))
}

fn upstream_says(case: &Case, field: &str) -> bool {
    let messages = case.upstream["messages"].as_array();
    messages.is_some_and(|messages| messages.iter().any(|message| message.get(field).is_some()))
}

/// For texts that say nothing of a field's type.
pub(crate) fn guess(value: &Value) -> anyhow::Result<&'static str> {
    Ok(match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "double",
        Value::Number(_) => "int32",
        Value::Array(_) => "repeated string",
        Value::Object(object) if object.keys().any(|key| key.starts_with('$')) => "bytes",
        other => bail!("the type of {other} cannot be guessed"),
    })
}
