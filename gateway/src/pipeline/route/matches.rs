//! From a route's `match`, as written, to rules.

use std::collections::BTreeMap;

use http::{HeaderName, Method};

use super::{
    expression::Expression,
    grpc,
    host::HostPattern,
    pattern::PathPattern,
    predicate::{HeaderTest, QueryTest, ValueTest},
    report::{Invalid, Report},
    rule::Rule,
    target::Wanted,
};
use crate::config::{
    raw::{Match, OneOrMany, ShortOr, ValueMatch},
    span::{Span, Spanned},
};

/// The rules of the route with this id, each giving what the route's action wants of the path. What cannot be used
/// is reported and left out.
pub fn compile(
    written: &Spanned<OneOrMany<Spanned<Match>>>,
    id: u32,
    wanted: &Wanted,
    report: &mut Report<'_>,
) -> Vec<Rule> {
    if written.0.is_empty() {
        let everything = Spanned::new(Match::default(), written.span);
        return compile_one(&everything, id, wanted, report);
    }
    written
        .0
        .iter()
        .flat_map(|written| compile_one(written, id, wanted, report))
        .collect()
}

fn compile_one(
    written: &Spanned<Match>,
    id: u32,
    wanted: &Wanted,
    report: &mut Report<'_>,
) -> Vec<Rule> {
    let hosts = hosts(written.host.as_ref(), report);
    let (path, methods) = match &written.grpc {
        Some(call) => grpc::compile(call, written, report)
            .map_or((None, Box::default()), |(path, methods)| {
                (Some(path), methods)
            }),
        None => (
            path(written, report),
            methods(written.method.as_ref(), report),
        ),
    };
    let headers = headers(&written.headers, report);
    let query = query(&written.query, report);
    let Some(path) = path else {
        return Vec::new();
    };
    let Some(captures) = wanted.sources(&path, written, report) else {
        return Vec::new();
    };
    let rule = |host| Rule {
        route: id,
        host,
        path: path.clone(),
        methods: methods.clone(),
        headers: headers.clone(),
        query: query.clone(),
        captures: captures.clone(),
        span: written.span,
    };
    hosts.into_iter().map(rule).collect()
}

fn hosts(
    written: Option<&OneOrMany<Spanned<String>>>,
    report: &mut Report<'_>,
) -> Vec<HostPattern> {
    let Some(written) = written else {
        return vec![HostPattern::Any];
    };
    let mut hosts: Vec<HostPattern> = Vec::new();
    for host in &written.0 {
        match report.check(host, |text| HostPattern::parse(text)) {
            Some(pattern) if hosts.contains(&pattern) => report.error(
                host.span,
                format!("the host `{pattern}` stands twice"),
                "name it once",
            ),
            Some(pattern) => hosts.push(pattern),
            None => {}
        }
    }
    hosts
}

fn path(written: &Spanned<Match>, report: &mut Report<'_>) -> Option<PathPattern> {
    type Parse = fn(&str) -> Result<PathPattern, Invalid>;
    let forms: [(&Option<Spanned<String>>, Parse); 3] = [
        (&written.path, PathPattern::path),
        (&written.prefix, PathPattern::prefix),
        (&written.regex, PathPattern::regex),
    ];
    let mut given = forms
        .into_iter()
        .filter_map(|(text, parse)| Some((text.as_ref()?, parse)));
    let Some((text, parse)) = given.next() else {
        return Some(PathPattern::any());
    };
    if let Some((second, _)) = given.next() {
        report.error(
            second.span,
            "a match has more than one of `path`, `prefix` and `regex`",
            "keep one; write a list of matches for several paths",
        );
        return None;
    }
    report.check(text, |text| parse(text))
}

fn methods(written: Option<&OneOrMany<Spanned<String>>>, report: &mut Report<'_>) -> Box<[Method]> {
    let written = written.map_or(&[][..], |written| &written.0);
    let method = |method: &Spanned<String>| report.check(method, |text| parse_method(text));
    written.iter().filter_map(method).collect()
}

pub(super) fn parse_method(text: &str) -> Result<Method, Invalid> {
    let upper = text.to_ascii_uppercase();
    match Method::try_from(text) {
        Ok(Method::CONNECT | Method::TRACE) => Err(Invalid::new(
            format!("no route gets `{text}`: such requests are refused before routing"),
            "leave it out",
        )),
        Ok(method) if text == upper => Ok(method),
        Ok(_) => Err(Invalid::new(
            format!("the method `{text}` is not in upper case"),
            format!("methods are case-sensitive (RFC 9110 section 9.1): write `{upper}`"),
        )),
        Err(_) => Err(Invalid::new(
            format!("`{text}` is not a method"),
            "write a name such as `GET`, or a list of them; leave `method` out for any",
        )),
    }
}

type Written = BTreeMap<String, Spanned<ShortOr<ValueMatch>>>;

fn headers(written: &Written, report: &mut Report<'_>) -> Box<[HeaderTest]> {
    let test = |(name, value): (&String, &Spanned<ShortOr<ValueMatch>>)| {
        let name = check_field(name, value.span, report);
        let value = value_test(value, report);
        Some(HeaderTest {
            name: name?,
            value: value?,
        })
    };
    written.iter().filter_map(test).collect()
}

fn check_field(name: &str, span: Span, report: &mut Report<'_>) -> Option<HeaderName> {
    match HeaderName::try_from(name) {
        Ok(field) if field == http::header::HOST => {
            report.error(
                span,
                "`host` is no condition on a field",
                "write it as `host:` of the match",
            );
            None
        }
        Ok(field) => Some(field),
        Err(_) => {
            report.error(
                span,
                format!("`{name}` is not the name of a field"),
                "letters, digits and hyphens, as `x-tenant`; pseudo-fields have `method`, `host` and `path`",
            );
            None
        }
    }
}

fn query(written: &Written, report: &mut Report<'_>) -> Box<[QueryTest]> {
    let test = |(name, value): (&String, &Spanned<ShortOr<ValueMatch>>)| {
        Some(QueryTest {
            name: name.as_str().into(),
            value: value_test(value, report)?,
        })
    };
    written.iter().filter_map(test).collect()
}

fn value_test(
    written: &Spanned<ShortOr<ValueMatch>>,
    report: &mut Report<'_>,
) -> Option<ValueTest> {
    let full = match &written.value {
        ShortOr::Short(text) => return Some(ValueTest::Exact(text.as_str().into())),
        ShortOr::Full(full) => full,
    };
    match (&full.exact, &full.regex, full.present) {
        (Some(text), None, None) => Some(ValueTest::Exact(text.as_str().into())),
        (None, Some(text), None) => report
            .check(text, |text| Expression::new(text))
            .map(ValueTest::Regex),
        (None, None, Some(true)) => Some(ValueTest::Present),
        (None, None, Some(false)) => Some(ValueTest::Absent),
        _ => {
            report.error(
                written.span,
                "a condition on a value needs exactly one of `exact`, `regex` and `present`",
                "write the value alone, `{ regex: … }`, or `{ present: true }`",
            );
            None
        }
    }
}
