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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::route::tests::read_route;

    #[test]
    fn remove_then_set_then_add() {
        let text = "headers: { request: { remove: [X-A, x-b], set: { x-b: '1', x-c: '2' }, add: { X-C: '3' } } }";
        let edit = read_route(text, |route, report| {
            HeaderEdit::compile(&route.headers.request, report)
        });
        let mut headers = HeaderMap::new();
        for name in ["x-a", "x-b", "x-c", "x-d"] {
            headers.append(name, HeaderValue::from_static("old"));
        }
        edit.0.apply(&mut headers);
        let mut left: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
            .collect();
        left.sort();
        assert_eq!(left, ["x-b=1", "x-c=2", "x-c=3", "x-d=old"]);
        assert!(edit.1.is_empty());
    }

    #[test]
    fn fields_of_the_gateway_are_refused() {
        for name in FORBIDDEN.into_iter().chain([":path", "a b", ""]) {
            let text = format!("headers: {{ request: {{ set: {{ '{name}': a }} }} }}");
            let (_, problems) = read_route(&text, |route, report| {
                HeaderEdit::compile(&route.headers.request, report)
            });
            assert_eq!(problems.len(), 1, "{name}");
        }
        let text = "headers: { request: { add: { x-a: \"a\\nb\" } } }";
        let (_, problems) = read_route(text, |route, report| {
            HeaderEdit::compile(&route.headers.request, report)
        });
        assert!(problems[0].message.contains("not the value of a field"));
    }
}
