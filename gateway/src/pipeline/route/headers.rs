//! Edits of header fields.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::report::{Invalid, Report};
use crate::config::{raw, span::Span};

/// A compiled edit, carried out in this order: remove, set, add.
#[derive(Clone, Debug, Default)]
pub struct HeaderEdit {
    remove: Box<[HeaderName]>,
    set: Box<[(HeaderName, HeaderValue)]>,
    add: Box<[(HeaderName, HeaderValue)]>,
}

/// Fields that are about one connection or frame a message (RFC 9110 sections 7.6.1 and 8.6): the gateway's own.
const FORBIDDEN: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl HeaderEdit {
    pub fn compile(written: &raw::HeaderEdit, report: &mut Report<'_>) -> Self {
        let remove = written
            .remove
            .iter()
            .filter_map(|name| check_name(name, name.span, report))
            .collect();
        let mut fields = |written: &std::collections::BTreeMap<String, _>| {
            written
                .iter()
                .filter_map(
                    |(name, value): (_, &crate::config::span::Spanned<String>)| {
                        let name = check_name(name, value.span, report);
                        let value = report.check(value, |text| check_value(text));
                        name.zip(value)
                    },
                )
                .collect()
        };
        Self {
            set: fields(&written.set),
            add: fields(&written.add),
            remove,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    pub fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name, value.clone());
        }
    }
}

/// A field's name that configuration may touch.
pub(super) fn check_name(name: &str, span: Span, report: &mut Report<'_>) -> Option<HeaderName> {
    let lower = name.to_ascii_lowercase();
    if FORBIDDEN.contains(&lower.as_str()) {
        let hint = match lower.as_str() {
            "host" => "the host that an upstream sees is set by `rewrite: { host: … }`",
            _ => "the gateway sets what frames messages and what concerns a connection",
        };
        report.error(span, format!("the field `{lower}` cannot be edited"), hint);
        return None;
    }
    if name.starts_with(':') {
        let message = format!("`{name}` is a pseudo-field, and those cannot be edited");
        report.error(span, message, "host and path are changed by `rewrite`");
        return None;
    }
    let parsed = HeaderName::try_from(lower);
    if parsed.is_err() {
        report.error(
            span,
            format!("`{name}` is not the name of a field"),
            "letters, digits and hyphens, as `x-tenant` (RFC 9110 section 5.1)",
        );
    }
    parsed.ok()
}

pub(super) fn check_value(text: &str) -> Result<HeaderValue, Invalid> {
    HeaderValue::try_from(text).map_err(|_| {
        Invalid::new(
            format!("{text:?} is not the value of a field"),
            "no line breaks or other control characters (RFC 9110 section 5.5)",
        )
    })
}
