//! Answers that send the client elsewhere.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, uri::Authority};

use super::{
    pattern::Captures,
    report::{Invalid, Report},
    rewrite::{BadPath, check_authority, has_dot_segment},
    target::{PathTarget, Wanted},
};
use crate::{
    config::{raw, span::Spanned},
    pipeline::context::LocalResponse,
};

/// A compiled `redirect`.
#[derive(Clone, Debug)]
pub struct Redirect {
    scheme: Option<&'static str>,
    host: Option<Authority>,
    path: Option<PathTarget>,
    status: StatusCode,
}

/// What a redirect keeps of a request.
#[derive(Clone, Copy, Debug)]
pub struct RedirectView<'a> {
    /// Over TLS.
    pub secure: bool,
    /// `:authority` or `host`, with its port if it had one; empty if there was none.
    pub authority: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
}

impl Redirect {
    pub fn compile(written: &Spanned<raw::Redirect>, report: &mut Report<'_>) -> (Self, Wanted) {
        let before = report.len();
        let (path, wanted) =
            PathTarget::compile(written.path.as_ref(), written.prefix.as_ref(), report);
        let scheme = written.scheme.as_ref();
        let scheme = scheme.and_then(|scheme| report.check(scheme, |text| check_scheme(text)));
        let host = written.host.as_ref();
        let host = host.and_then(|host| report.check(host, |text| check_authority(text)));
        let status = written.status.as_ref();
        let status = status.map(|status| report.check(status, |status| check_status(*status)));
        if scheme.is_none() && host.is_none() && path.is_none() && report.len() == before {
            report.error(
                written.span,
                "this redirect leads to where the client already is",
                "write at least one of `scheme`, `host`, `path` and `prefix`",
            );
        }
        let redirect = Self {
            scheme,
            host,
            path,
            status: status.flatten().unwrap_or(StatusCode::FOUND),
        };
        (redirect, wanted)
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// # Errors
    /// As for rewrites.
    pub fn response(
        &self,
        view: &RedirectView<'_>,
        captures: &Captures,
    ) -> Result<LocalResponse, BadPath> {
        let location = self.location(view, captures)?;
        let location =
            HeaderValue::from_maybe_shared(Bytes::from(location)).map_err(|_| BadPath)?;
        let mut response = LocalResponse::new(Bytes::new());
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::LOCATION, location);
        Ok(response)
    }

    /// The value of `location`: absolute (RFC 9110 section 10.2.2), so that a path that begins with two slashes
    /// cannot name another host. Only a request that named no host gets a path alone.
    pub fn location(
        &self,
        view: &RedirectView<'_>,
        captures: &Captures,
    ) -> Result<String, BadPath> {
        let mut out = String::with_capacity(view.path.len() + 64);
        let scheme = self
            .scheme
            .unwrap_or(if view.secure { "https" } else { "http" });
        let authority = self.authority(view);
        if !authority.is_empty() {
            out.push_str(scheme);
            out.push_str("://");
            out.push_str(authority);
        }
        let mut path = String::new();
        match &self.path {
            Some(target) => target.write(view.path, captures, &mut path),
            None => path.push_str(view.path),
        }
        if has_dot_segment(&path) {
            return Err(BadPath);
        }
        if authority.is_empty() {
            out.push('/');
            out.push_str(path.trim_start_matches('/'));
        } else {
            out.push_str(&path);
        }
        if let Some(query) = view.query {
            out.push('?');
            out.push_str(query);
        }
        Ok(out)
    }

    /// After the Gateway API (`HTTPRequestRedirectFilter.port`): a new scheme brings its own port; otherwise the
    /// client's stays. A host that is written has the port that is written.
    fn authority<'v>(&'v self, view: &RedirectView<'v>) -> &'v str {
        match (&self.host, self.scheme) {
            (Some(host), _) => host.as_str(),
            (None, Some(_)) => without_port(view.authority),
            (None, None) => view.authority,
        }
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn check_scheme(text: &str) -> Result<&'static str, Invalid> {
    match text {
        "http" => Ok("http"),
        "https" => Ok("https"),
        _ => Err(Invalid::new(
            format!("`{text}` is not a scheme that a redirect can lead to"),
            "write `http` or `https`",
        )),
    }
}

fn check_status(status: u16) -> Result<StatusCode, Invalid> {
    match status {
        301 | 302 | 303 | 307 | 308 => {
            Ok(StatusCode::from_u16(status).expect("these are statuses"))
        }
        _ => Err(Invalid::new(
            format!("{status} is not the status of a redirect"),
            "one of 301, 302, 303, 307 and 308",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::route::{PathPattern, tests::compile_action};

    fn location(pattern: &PathPattern, written: &str, path: &str) -> Result<String, BadPath> {
        let (redirect, captures) = compile_action(
            &format!("redirect: {written}"),
            pattern,
            path,
            |route, report| Redirect::compile(route.redirect.as_ref().unwrap(), report),
        );
        let view = RedirectView {
            secure: false,
            authority: "shop.example.com:8080",
            path,
            query: Some("q=1"),
        };
        redirect.location(&view, &captures)
    }

    #[test]
    fn what_is_not_written_stays() {
        let prefix = PathPattern::prefix("/old").unwrap();
        let template = PathPattern::path("/o/{id}").unwrap();
        for (pattern, written, path, expected) in [
            (
                &prefix,
                "{ scheme: https }",
                "/old/a",
                "https://shop.example.com/old/a?q=1",
            ),
            (
                &prefix,
                "{ host: 'b.com:81' }",
                "/old",
                "http://b.com:81/old?q=1",
            ),
            (
                &prefix,
                "{ prefix: /new/ }",
                "/old/a",
                "http://shop.example.com:8080/new/a?q=1",
            ),
            (
                &prefix,
                "{ prefix: / }",
                "/old",
                "http://shop.example.com:8080/?q=1",
            ),
            (
                &prefix,
                "{ prefix: '' }",
                "/old//evil.com",
                "http://shop.example.com:8080//evil.com?q=1",
            ),
            (
                &template,
                "{ path: '/n/{id}/x' }",
                "/o/7",
                "http://shop.example.com:8080/n/7/x?q=1",
            ),
        ] {
            assert_eq!(location(pattern, written, path).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn no_request_leads_to_a_host_of_its_own_choice() {
        let prefix = PathPattern::prefix("/old").unwrap();
        let (redirect, captures) = compile_action(
            "redirect: { prefix: '' }",
            &prefix,
            "/old//evil.com",
            |route, report| Redirect::compile(route.redirect.as_ref().unwrap(), report),
        );
        let view = RedirectView {
            secure: true,
            authority: "",
            path: "/old//evil.com",
            query: None,
        };
        let response = redirect.response(&view, &captures).unwrap();
        assert_eq!(response.headers()[header::LOCATION], "/evil.com");
        assert_eq!(response.status(), 302);
        let regex = PathPattern::regex("/(?<a>.*)-(?<b>.*)").unwrap();
        assert_eq!(
            location(&regex, "{ path: '/{a}{b}/x' }", "/.-."),
            Err(BadPath)
        );
    }
}
