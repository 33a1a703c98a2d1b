//! From a route's `cors`, as written, to what answers are made of.

use http::{HeaderName, HeaderValue};

use super::{
    super::{
        matches::parse_method,
        report::{Invalid, Report},
    },
    Cors, Listed, Origin, Origins,
};
use crate::config::{
    raw::{self, OneOrMany},
    span::Spanned,
};

const ANY: &str = "*";
const METHODS: &str = "GET, HEAD, POST";
const HEADERS: &str = "content-type, grpc-timeout, x-grpc-web, x-user-agent";
/// Where gRPC-Web has the status when there is no message.
const STATUS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

impl Cors {
    /// None, and problems, when it cannot be what was meant.
    pub fn compile(written: &Spanned<raw::Cors>, report: &mut Report<'_>) -> Option<Self> {
        let before = report.len();
        let credentials = written.allow_credentials.as_ref();
        let with_credentials = credentials.is_some_and(|it| it.value);
        let origins = origins(written, report);
        if let (Origins::Any, Some(credentials), true) = (&origins, credentials, with_credentials) {
            report.error(
                credentials.span,
                "credentials and every origin there is: any page could act as the user",
                "name the origins under `allow-origins`, or leave `allow-credentials` out",
            );
        }
        let methods = written.allow_methods.as_ref();
        let methods = methods.map_or_else(default(METHODS), |list| {
            listed(list, report, |text| {
                parse_method(text).map(|method| method.to_string())
            })
        });
        let headers = written.allow_headers.as_ref();
        let headers = headers.map_or_else(default(HEADERS), |list| listed(list, report, field));
        let exposed = exposed(&written.expose_headers, with_credentials, report);
        let max_age = written.max_age.as_ref().and_then(|age| {
            report.check(age, |age| match age.0.subsec_nanos() {
                0 => Ok(HeaderValue::from(age.0.as_secs())),
                _ => Err(Invalid::new(
                    format!("browsers count `max-age` in whole seconds, not `{age}`"),
                    "write `10s`, `10m`, or `0s` for no memory at all",
                )),
            })
        });
        (report.len() == before).then(|| Self {
            origins,
            methods,
            headers,
            exposed: joined(&exposed),
            exposed_of_calls: joined_with_status(&exposed),
            credentials: with_credentials,
            max_age,
        })
    }
}

fn default(text: &'static str) -> impl FnOnce() -> Listed {
    move || Listed::These(HeaderValue::from_static(text))
}

fn origins(written: &Spanned<raw::Cors>, report: &mut Report<'_>) -> Origins {
    let list = &written.allow_origins.0;
    if list.is_empty() {
        report.error(
            written.span,
            "`cors` allows no origin",
            "name them under `allow-origins`, or take `cors` out",
        );
    }
    if let Some(any) = list.iter().find(|it| *it.value == *ANY) {
        if list.len() > 1 {
            report.error(
                any.span,
                "`*` stands beside other origins",
                "keep either `*` or the others",
            );
        }
        return Origins::Any;
    }
    let mut origins: Vec<Origin> = Vec::with_capacity(list.len());
    for text in list {
        match report.check(text, |text| Origin::parse(text)) {
            Some(origin) if origins.contains(&origin) => report.error(
                text.span,
                format!("the origin `{}` stands twice", text.value),
                "name it once",
            ),
            Some(origin) => origins.push(origin),
            None => {}
        }
    }
    Origins::These(origins.into())
}

fn listed(
    list: &OneOrMany<Spanned<String>>,
    report: &mut Report<'_>,
    check: impl Fn(&str) -> Result<String, Invalid>,
) -> Listed {
    if list.0.iter().any(|it| *it.value == *ANY) {
        return Listed::Any;
    }
    let checked = |text: &Spanned<String>| report.check(text, |text| check(text));
    let names: Vec<String> = list.0.iter().filter_map(checked).collect();
    Listed::These(joined(&names).unwrap_or_else(|| HeaderValue::from_static("")))
}

fn exposed(
    list: &OneOrMany<Spanned<String>>,
    credentials: bool,
    report: &mut Report<'_>,
) -> Vec<String> {
    let checked = |text: &Spanned<String>| {
        report.check(text, |text| match text.as_str() {
            ANY if credentials => Err(Invalid::new(
                "with credentials, `*` under `expose-headers` means a field of that name",
                "name the fields",
            )),
            ANY => Ok(String::from(ANY)),
            text => field(text),
        })
    };
    list.0.iter().filter_map(checked).collect()
}

fn field(text: &str) -> Result<String, Invalid> {
    HeaderName::try_from(text)
        .map(|name| name.to_string())
        .map_err(|_| {
            Invalid::new(
                format!("`{text}` is not the name of a field"),
                "letters, digits and hyphens, as `x-total-count`",
            )
        })
}

/// Names of fields and methods make a value.
fn joined(names: &[String]) -> Option<HeaderValue> {
    let joined = HeaderValue::try_from(names.join(", ")).ok();
    joined.filter(|joined| !joined.is_empty())
}

fn joined_with_status(names: &[String]) -> HeaderValue {
    let status = STATUS.map(String::from);
    let status = status.into_iter().filter(|name| !names.contains(name));
    let names: Vec<String> = names.iter().cloned().chain(status).collect();
    joined(&names).unwrap_or_else(|| HeaderValue::from_static("grpc-status, grpc-message"))
}
