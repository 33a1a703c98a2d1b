//! Header fields as metadata of a call, and metadata as header fields.

use std::time::Duration;

use witgate_plugin::{Request, Response};

use crate::{
    deadline,
    json::base64,
    refusal::Refusal,
    settings::{MetadataSettings, Passage},
};

/// Marks a field that is meant as metadata, as grpc-gateway has it.
const MARK: &str = "grpc-metadata-";
/// Fields that are about the HTTP message, not about the call.
const OF_THE_MESSAGE: [&str; 10] = [
    "accept-encoding",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
];
/// Metadata with which a service sets the HTTP status of a good answer.
const HTTP_CODE: &str = "x-http-code";

/// Which names pass in one direction, and under which name.
#[derive(Debug)]
struct Names {
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
    rename: Vec<(String, String)>,
}

#[derive(Debug)]
struct Pattern {
    start: String,
    any_rest: bool,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        match text.strip_suffix('*') {
            Some(start) => Self {
                start: start.to_owned(),
                any_rest: true,
            },
            None => Self {
                start: text,
                any_rest: false,
            },
        }
    }

    fn matches(&self, name: &str) -> bool {
        if self.any_rest {
            name.starts_with(&self.start)
        } else {
            name == self.start
        }
    }
}

impl Names {
    fn new(settings: &Passage) -> Self {
        let patterns = |list: &[String]| list.iter().map(|text| Pattern::new(text)).collect();
        Self {
            allow: patterns(&settings.allow),
            deny: patterns(&settings.deny),
            rename: settings
                .rename
                .iter()
                .map(|(old, new)| (old.to_ascii_lowercase(), new.to_ascii_lowercase()))
                .collect(),
        }
    }

    fn pass(&self, name: &str) -> bool {
        let listed = |list: &[Pattern]| list.iter().any(|pattern| pattern.matches(name));
        (self.allow.is_empty() || listed(&self.allow)) && !listed(&self.deny)
    }

    fn renamed(&self, name: &str) -> Option<&str> {
        let mut renames = self.rename.iter();
        renames
            .find(|(old, _)| old == name)
            .map(|(_, new)| new.as_str())
    }
}

/// What passes between header fields and metadata on one route.
#[derive(Debug)]
pub(crate) struct Metadata {
    request: Names,
    response: Names,
    http_code: bool,
}

/// Fields of a head, names in lower case.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

impl Metadata {
    pub(crate) fn new(settings: &MetadataSettings) -> Self {
        Self {
            request: Names::new(&settings.request),
            response: Names::new(&settings.response),
            http_code: settings.http_code,
        }
    }

    /// Edits the head of a request so that its fields are the metadata of the call. `bound` are names that have
    /// become part of the message. The deadline, if the client has one.
    pub(crate) fn call(
        &self,
        fields: &Fields,
        bound: impl Fn(&str) -> bool,
        request: &mut Request,
    ) -> Result<Option<Duration>, Refusal> {
        let mut timeout: Option<Duration> = None;
        for (name, value) in fields {
            if let Some(read) = deadline::read(name, value) {
                let read = read.ok_or_else(|| {
                    Refusal::invalid(
                        "",
                        format!("the field `{name}` is no duration that it can have"),
                    )
                })?;
                timeout = Some(timeout.map_or(read, |other| other.min(read)));
                remove(request, name);
                continue;
            }
            let marked = name.strip_prefix(MARK);
            if OF_THE_MESSAGE.contains(&name.as_str()) || bound(name) {
                remove(request, name);
            } else if marked.is_none() && name.starts_with("grpc-") {
                // Reserved for gRPC itself.
                remove(request, name);
            } else {
                self.pass_on(name, marked.unwrap_or(name), value, request)?;
            }
        }
        Ok(timeout)
    }

    fn pass_on(
        &self,
        name: &str,
        plain: &str,
        value: &[u8],
        request: &mut Request,
    ) -> Result<(), Refusal> {
        let reserved = plain.starts_with("grpc-") || OF_THE_MESSAGE.contains(&plain);
        if reserved || !self.request.pass(plain) {
            remove(request, name);
            return Ok(());
        }
        if plain.ends_with("-bin") && !is_base64(value) {
            return Err(Refusal::invalid(
                "",
                format!("the field `{name}` is not base64, as names that end in -bin have to be"),
            ));
        }
        let target = self.request.renamed(plain).unwrap_or(plain);
        if target != name {
            remove(request, name);
            // What the gateway keeps for itself, nobody sets.
            let _ = request.append_header(target, value);
        }
        Ok(())
    }

    /// Edits the head of a response so that the metadata of the answer are its fields. Gives the HTTP status that
    /// the service wants.
    pub(crate) fn answer(&self, fields: &Fields, response: &mut Response) -> Option<u16> {
        let mut status = None;
        for (name, value) in fields {
            if name == HTTP_CODE && self.http_code {
                let text = std::str::from_utf8(value).ok();
                let wanted = text.and_then(|text| text.trim().parse().ok());
                // Errors have statuses of gRPC.
                status = wanted.filter(|status| (200..400).contains(status));
                let _ = response.remove_header(name);
            } else if name.starts_with("grpc-") || name == "trailer" {
                let _ = response.remove_header(name);
            } else if name != "content-type" {
                self.rename(name, value, response);
            }
        }
        status
    }

    fn rename(&self, name: &str, value: &[u8], response: &mut Response) {
        if !self.response.pass(name) {
            let _ = response.remove_header(name);
        } else if let Some(target) = self.response.renamed(name) {
            let _ = response.remove_header(name);
            let _ = response.append_header(target, value);
        }
    }

    /// Trailers of gRPC are no trailers of HTTP. Those of the service become header fields while the head has not
    /// gone out, since few clients read trailers; after that they stay.
    pub(crate) fn trailers(&self, response: &mut Response, head_is_open: bool) {
        for (name, value) in response.trailers() {
            let reserved = name.starts_with("grpc-") || OF_THE_MESSAGE.contains(&name.as_str());
            let passes = !reserved && self.response.pass(&name);
            let target = self.response.renamed(&name);
            if !passes || head_is_open {
                let _ = response.remove_trailer(&name);
            }
            if !passes {
                continue;
            }
            if head_is_open {
                // What the gateway keeps for itself, nobody sets.
                let _ = response.append_header(target.unwrap_or(&name), value);
            } else if let Some(target) = target {
                let _ = response.remove_trailer(&name);
                let _ = response.set_trailer(target, value);
            }
        }
    }
}

/// The gateway's own fields stay as they are.
fn remove(request: &mut Request, name: &str) {
    let _ = request.remove_header(name);
}

/// Several values may be joined by commas (gRPC over HTTP/2, "Custom-Metadata").
fn is_base64(value: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .all(|part| base64::decode(part.trim_ascii()).is_some())
}
