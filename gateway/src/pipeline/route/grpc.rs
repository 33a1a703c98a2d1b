//! Matching gRPC calls: a service and a method are a path of two segments, and every call is a POST.

use http::Method;

use super::{
    pattern::PathPattern,
    report::{Invalid, Report},
};
use crate::config::{
    raw::{GrpcMatch, Match, ShortOr},
    span::Spanned,
};

/// The path and the method that a `grpc` condition stands for.
pub(super) fn compile(
    grpc: &Spanned<ShortOr<GrpcMatch>>,
    written: &Spanned<Match>,
    report: &mut Report<'_>,
) -> Option<(PathPattern, Box<[Method]>)> {
    let others = [
        ("path", written.path.as_ref().map(|it| it.span)),
        ("prefix", written.prefix.as_ref().map(|it| it.span)),
        ("regex", written.regex.as_ref().map(|it| it.span)),
        (
            "method",
            written
                .method
                .as_ref()
                .map(|it| it.0.first().map_or(grpc.span, |it| it.span)),
        ),
    ];
    let before = report.len();
    for (key, span) in others {
        if let Some(span) = span {
            report.error(
                span,
                format!("a match has both `grpc` and `{key}`"),
                format!("`grpc` says the path and that the method is POST: leave `{key}` out"),
            );
        }
    }
    let path = match &grpc.value {
        ShortOr::Short(text) => report.check(text, |text| short(text)),
        ShortOr::Full(full) => full_path(full, grpc, report),
    };
    let path = report.check(&Spanned::new(path?, grpc.span), |path| {
        PathPattern::path(path)
    })?;
    (report.len() == before).then(|| (path, Box::from([Method::POST])))
}

/// `SERVICE` or `SERVICE/METHOD`.
fn short(text: &str) -> Result<String, Invalid> {
    if let Some(rest) = text.strip_prefix('/') {
        return Err(Invalid::new(
            format!("`{text}` begins with a slash"),
            format!("write `{rest}`, or the path under `path`"),
        ));
    }
    match text.split_once('/') {
        None => path(Some(service(text)?), None),
        Some((name, method)) => path(Some(service(name)?), Some(identifier(method)?)),
    }
}

fn full_path(
    full: &GrpcMatch,
    grpc: &Spanned<ShortOr<GrpcMatch>>,
    report: &mut Report<'_>,
) -> Option<String> {
    let named = |written: &Option<Spanned<String>>,
                 check: fn(&str) -> Result<&str, Invalid>,
                 report: &mut Report<'_>| match written {
        None => Some(None),
        Some(text) => report
            .check(text, |text| check(text).map(String::from))
            .map(Some),
    };
    let service = named(&full.service, service, report);
    let method = named(&full.method, identifier, report);
    let (service, method) = (service?, method?);
    let found = path(service.as_deref(), method.as_deref());
    report.check(&Spanned::new(found, grpc.span), Clone::clone)
}

fn path(service: Option<&str>, method: Option<&str>) -> Result<String, Invalid> {
    match (service, method) {
        (None, None) => Err(Invalid::new(
            "`grpc` names neither a service nor a method",
            "write `grpc: bookstore.v1.Bookstore` or `grpc: { method: GetBook }`; to match every call, match its \
             field: `headers: { content-type: { regex: 'application/grpc.*' } }`",
        )),
        (service, method) => Ok(format!(
            "/{}/{}",
            service.unwrap_or("{service}"),
            method.unwrap_or("{method}")
        )),
    }
}

/// A full name (<https://protobuf.dev/reference/protobuf/proto3-spec/#identifiers>).
fn service(text: &str) -> Result<&str, Invalid> {
    if text.split('.').all(is_identifier) {
        return Ok(text);
    }
    Err(Invalid::new(
        format!("`{text}` is not the name of a gRPC service"),
        "write it with its package, as `bookstore.v1.Bookstore`; patterns have `regex`",
    ))
}

fn identifier(text: &str) -> Result<&str, Invalid> {
    if is_identifier(text) {
        return Ok(text);
    }
    Err(Invalid::new(
        format!("`{text}` is not the name of a gRPC method"),
        "write its name alone, as `GetBook`; leave it out for every method",
    ))
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_methods_are_paths() {
        for (text, path) in [
            ("a.v1.Books", "/a.v1.Books/{method}"),
            ("Books/GetBook", "/Books/GetBook"),
        ] {
            assert_eq!(short(text).unwrap(), path);
        }
        for text in ["/a.B", "a.B/", "a.B/c/d", "a..B", "a.*", "a-b", "", "1a"] {
            assert!(short(text).is_err(), "{text}");
        }
        assert_eq!(path(None, Some("Get")).unwrap(), "/{service}/Get");
        assert!(path(None, None).is_err());
    }
}
