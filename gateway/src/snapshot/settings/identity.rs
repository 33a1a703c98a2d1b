//! `identity.headers`, checked.

use std::collections::HashMap;

use http::HeaderName;

use crate::{
    config::{raw, span::Spanned},
    pipeline::{
        identity::{Field, FieldError, IdentityHeaders},
        route::Report,
    },
};

/// Fields that have a meaning of their own: taken off every request, they would be missed.
const TAKEN: [&str; 26] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

pub(super) fn compile(raw: &raw::Identity, report: &mut Report<'_>) -> IdentityHeaders {
    let mut told = Vec::new();
    let mut names = HashMap::new();
    for (field, name) in &raw.headers {
        let parsed = field.parse::<Field>().map_err(|error| {
            report.error(name.key, error.to_string(), FieldError::HINT);
        });
        let Some(header) = header(name, report) else {
            continue;
        };
        // Upstreams may take `-` and `_` for the same.
        if let Some(other) = names.insert(header.as_str().replace('_', "-"), field) {
            report.error(
                name.span,
                format!("`{header}` is to say two things, `{other}` and `{field}`"),
                "give each a field of its own",
            );
        }
        told.extend(parsed.ok().map(|field| (header, field)));
    }
    IdentityHeaders::new(told)
}

fn header(name: &Spanned<String>, report: &mut Report<'_>) -> Option<HeaderName> {
    let hint = "a name that nothing else uses, as `x-auth-subject` (RFC 9110 section 5.1)";
    let Ok(header) = HeaderName::try_from(name.as_str()) else {
        let message = format!("`{}` is not the name of a field", name.value);
        report.error(name.span, message, hint);
        return None;
    };
    if TAKEN.contains(&header.as_str()) || header.as_str().starts_with("grpc-") {
        let message = format!("the field `{header}` has a meaning of its own");
        report.error(name.span, message, hint);
        return None;
    }
    Some(header)
}
