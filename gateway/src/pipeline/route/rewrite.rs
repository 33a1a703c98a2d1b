//! What the upstream sees in place of the client's host and path.

use http::{
    HeaderValue,
    uri::{Authority, PathAndQuery},
};

use super::{
    pattern::Captures,
    report::{Invalid, Report},
    target::{PathTarget, Wanted},
};
use crate::config::{raw, span::Spanned};

/// A compiled `rewrite`.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    host: Option<(Authority, HeaderValue)>,
    path: Option<PathTarget>,
}

impl Rewrite {
    pub fn compile(written: &raw::Rewrite, report: &mut Report<'_>) -> (Self, Wanted) {
        let host = written
            .host
            .as_ref()
            .and_then(|host| report.check(host, |text| authority(text)));
        let (path, wanted) =
            PathTarget::compile(written.path.as_ref(), written.prefix.as_ref(), report);
        (Self { host, path }, wanted)
    }

    /// The upstream's `host` (or `:authority`); none: the client's.
    pub fn host(&self) -> Option<&HeaderValue> {
        self.host.as_ref().map(|(_, value)| value)
    }

    pub fn authority(&self) -> Option<&Authority> {
        self.host.as_ref().map(|(authority, _)| authority)
    }

    /// The upstream's path and query; none: the client's. The query stays.
    ///
    /// # Errors
    /// When what the match captured makes a path with dot segments, which only an expression can.
    pub fn path_and_query(
        &self,
        path: &str,
        query: Option<&str>,
        captures: &Captures,
    ) -> Result<Option<PathAndQuery>, BadPath> {
        let Some(target) = &self.path else {
            return Ok(None);
        };
        let mut new = String::with_capacity(path.len() + query.map_or(0, str::len) + 32);
        target.write(path, captures, &mut new);
        if has_dot_segment(&new) {
            return Err(BadPath);
        }
        if let Some(query) = query {
            new.push('?');
            new.push_str(query);
        }
        PathAndQuery::from_maybe_shared(bytes::Bytes::from(new))
            .map(Some)
            .map_err(|_| BadPath)
    }
}

/// The parts of a request's path make no path that may be sent on. Answer 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rewritten path is not a path")]
pub struct BadPath;

pub(super) fn has_dot_segment(path: &str) -> bool {
    path.contains("/.") && path.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn authority(text: &str) -> Result<(Authority, HeaderValue), Invalid> {
    let authority = check_authority(text)?;
    let value = HeaderValue::try_from(authority.as_str()).map_err(|_| not_authority(text))?;
    Ok((authority, value))
}

/// A host, with or without a port.
pub(super) fn check_authority(text: &str) -> Result<Authority, Invalid> {
    let authority = Authority::try_from(text).map_err(|_| not_authority(text))?;
    let port = authority.as_str().strip_prefix(authority.host());
    let good_port = port == Some("") || authority.port_u16().is_some();
    if authority.host().is_empty() || text.contains('@') || !good_port {
        return Err(not_authority(text));
    }
    Ok(authority)
}

fn not_authority(text: &str) -> Invalid {
    Invalid::new(
        format!("`{text}` is not a host"),
        "write the host alone, with a port if it needs one: `api.example.com:8443`",
    )
}

/// A `rewrite` on a route that forwards nowhere.
pub fn refuse_without_upstream(written: &Spanned<raw::Rewrite>, report: &mut Report<'_>) {
    report.error(
        written.span,
        "`rewrite` changes what an upstream sees, and this route has none",
        "add `to: UPSTREAM`, or take `rewrite` out; `redirect` has `path` and `prefix` of its own",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::route::{PathPattern, tests::compile_action};

    fn rewritten(pattern: &PathPattern, written: &str, path: &str) -> Option<String> {
        let (rewrite, captures) = compile_action(
            &format!("to: a, rewrite: {written}"),
            pattern,
            path,
            |route, report| Rewrite::compile(route.rewrite.as_ref().unwrap(), report),
        );
        let new = rewrite.path_and_query(path, Some("q"), &captures);
        new.unwrap().map(|new| new.to_string())
    }

    #[test]
    fn prefixes_are_replaced_as_the_gateway_api_says() {
        let prefix = PathPattern::prefix("/foo").unwrap();
        for (new, path, expected) in [
            ("/xyz", "/foo/bar", "/xyz/bar?q"),
            ("/xyz/", "/foo/bar", "/xyz/bar?q"),
            ("/xyz", "/foo", "/xyz?q"),
            ("/xyz", "/foo/", "/xyz/?q"),
            ("''", "/foo/bar", "/bar?q"),
            ("/", "/foo/bar", "/bar?q"),
            ("/", "/foo", "/?q"),
        ] {
            let written = format!("{{ prefix: {new} }}");
            assert_eq!(
                rewritten(&prefix, &written, path).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn templates_take_the_variables_of_the_match() {
        let template = PathPattern::path("/o/{id}/{rest...}").unwrap();
        let written = "{ path: '/v2/{rest...}/é/{id}/{id}' }";
        let expected = Some("/v2/a/b/%C3%A9/7/7?q");
        assert_eq!(
            rewritten(&template, written, "/o/7/a/b").as_deref(),
            expected
        );
        assert_eq!(rewritten(&template, "{ host: b.com }", "/o/7/a"), None);
    }
}
