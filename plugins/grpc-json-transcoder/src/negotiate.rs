//! What the client wants to get, and what it sent (RFC 9110 sections 12.5.1 and 8.3).

use crate::{
    refusal::{Code, Refusal},
    settings::{ErrorFormat, StreamFormat},
};

/// Media types of each format of a stream; the first is written.
const STREAMS: [(StreamFormat, &[&str]); 3] = [
    (StreamFormat::Array, &["application/json"]),
    (
        StreamFormat::Ndjson,
        &[
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
        ],
    ),
    (StreamFormat::Sse, &["text/event-stream"]),
];
const PROBLEM: &str = "application/problem+json";

/// The field `accept` of a request, as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accept<'h>(Option<&'h str>);

impl<'h> Accept<'h> {
    pub(crate) fn new(field: Option<&'h str>) -> Self {
        Self(field.filter(|field| !field.trim().is_empty()))
    }

    /// Thousandths, from the most specific range that matches; 0 if the type is not wanted.
    fn quality(self, media_type: &str) -> u16 {
        let Some(field) = self.0 else {
            return 1000;
        };
        let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
        let mut best = (0, 0);
        for range in field.split(',') {
            let mut parameters = range.split(';').map(str::trim);
            let name = parameters.next().unwrap_or_default();
            let precision = if name.eq_ignore_ascii_case(media_type) {
                3
            } else if name
                .strip_suffix("/*")
                .is_some_and(|n| n.eq_ignore_ascii_case(kind))
            {
                2
            } else if name == "*/*" {
                1
            } else {
                continue;
            };
            if precision >= best.0 {
                best = (precision, weight(parameters));
            }
        }
        best.1
    }

    /// The format of errors.
    pub(crate) fn errors(self, default: ErrorFormat) -> ErrorFormat {
        if self.0.is_none() {
            return default;
        }
        let problem = self.quality(PROBLEM);
        let status = self.quality("application/json");
        match default {
            ErrorFormat::Status if problem > status => ErrorFormat::Problem,
            ErrorFormat::Problem if status > problem => ErrorFormat::Status,
            default => default,
        }
    }

    /// Whether one JSON document will do. Who wants problems takes the good answers as JSON too.
    pub(crate) fn json(self) -> Result<(), Refusal> {
        if self.quality("application/json") > 0 || self.quality(PROBLEM) > 0 {
            return Ok(());
        }
        Err(not_acceptable("application/json"))
    }

    /// The format of a stream: what is wanted most, and of several the default.
    pub(crate) fn stream(self, default: StreamFormat) -> Result<StreamFormat, Refusal> {
        if self.0.is_none() {
            return Ok(default);
        }
        let mut best = (0, default);
        for (format, media_types) in STREAMS {
            let types = media_types
                .iter()
                .map(|media_type| self.quality(media_type));
            let quality = types.max().unwrap_or_default();
            if quality > best.0 || (quality == best.0 && format == default) {
                best = (quality, format);
            }
        }
        if best.0 > 0 || self.quality(PROBLEM) > 0 {
            return Ok(best.1);
        }
        Err(not_acceptable(
            "application/json, application/x-ndjson or text/event-stream",
        ))
    }
}

fn weight<'p>(parameters: impl Iterator<Item = &'p str>) -> u16 {
    for parameter in parameters {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            let value = value.trim().parse::<f32>().unwrap_or(0.0);
            // Between 0 and 1000 by then.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            return (value.clamp(0.0, 1.0) * 1000.0) as u16;
        }
    }
    1000
}

fn not_acceptable(offered: &str) -> Refusal {
    Refusal::with_status(
        Code::InvalidArgument,
        406,
        format!("`accept` names nothing that is offered here: {offered}"),
    )
}

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyType {
    Json,
    /// JSON values one after the other.
    Lines,
    Form,
    Multipart,
    Other,
}

impl BodyType {
    /// No type at all is taken for JSON: those who write none mean it.
    pub(crate) fn of(field: Option<&str>) -> Self {
        let Some(field) = field else {
            return Self::Json;
        };
        let (essence, parameters) = field.split_once(';').unwrap_or((field, ""));
        let essence = essence.trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "text/json" => json_in(parameters),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Self::Lines,
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart,
            "" => Self::Json,
            other if other.ends_with("+json") => json_in(parameters),
            _ => Self::Other,
        }
    }
}

/// JSON is UTF-8 (RFC 8259 section 8.1).
fn json_in(parameters: &str) -> BodyType {
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    });
    match charset {
        Some(charset) if !charset.eq_ignore_ascii_case("utf-8") => BodyType::Other,
        _ => BodyType::Json,
    }
}

/// 415 (RFC 9110 section 15.5.16), with what would have been taken.
pub(crate) fn unsupported(found: &str, accept: &'static str) -> Refusal {
    Refusal {
        accept: Some(accept),
        ..Refusal::with_status(
            Code::InvalidArgument,
            415,
            format!("a body of type `{found}` is not taken here; send {accept}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(accept: &str) -> Option<StreamFormat> {
        Accept::new(Some(accept)).stream(StreamFormat::Array).ok()
    }

    #[test]
    fn the_stream_that_is_wanted_most() {
        for (accept, format) in [
            ("", Some(StreamFormat::Array)),
            ("*/*", Some(StreamFormat::Array)),
            ("text/event-stream", Some(StreamFormat::Sse)),
            ("text/*", Some(StreamFormat::Sse)),
            (
                "application/json;q=0.5, application/x-ndjson",
                Some(StreamFormat::Ndjson),
            ),
            (
                "application/jsonl;q=0.2, */*;q=0.1",
                Some(StreamFormat::Ndjson),
            ),
            (
                "application/*;q=0.8, text/event-stream;q=0.9",
                Some(StreamFormat::Sse),
            ),
            ("application/json;q=0, */*", Some(StreamFormat::Ndjson)),
            ("application/problem+json", Some(StreamFormat::Array)),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(stream(accept), format, "{accept}");
        }
    }

    #[test]
    fn problems_only_for_those_who_ask() {
        let format = |accept| Accept::new(accept).errors(ErrorFormat::Status);
        assert_eq!(format(None), ErrorFormat::Status);
        assert_eq!(format(Some("*/*")), ErrorFormat::Status);
        assert_eq!(
            format(Some("application/problem+json")),
            ErrorFormat::Problem
        );
        assert_eq!(
            format(Some("application/json, application/problem+json")),
            ErrorFormat::Status
        );
        let html = Accept::new(Some("text/html"));
        assert_eq!(html.errors(ErrorFormat::Status), ErrorFormat::Status);
        assert_eq!(html.json().unwrap_err().status, 406);
    }

    #[test]
    fn types_of_bodies() {
        for (field, body) in [
            (None, BodyType::Json),
            (Some("Application/JSON; charset=UTF-8"), BodyType::Json),
            (Some("application/merge-patch+json"), BodyType::Json),
            (Some("application/json; charset=latin1"), BodyType::Other),
            (Some("application/x-ndjson"), BodyType::Lines),
            (Some("application/x-www-form-urlencoded"), BodyType::Form),
            (Some("multipart/form-data; boundary=B"), BodyType::Multipart),
            (Some("text/plain"), BodyType::Other),
        ] {
            assert_eq!(BodyType::of(field), body, "{field:?}");
        }
    }
}
