//! Fixed answers.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::{
    headers::{check_name, check_value},
    report::{Invalid, Report},
};
use crate::{config::raw, pipeline::context::LocalResponse};

/// A compiled `respond`.
#[derive(Clone, Debug)]
pub struct Respond(LocalResponse);

impl Respond {
    pub fn compile(written: &raw::Respond, report: &mut Report<'_>) -> Self {
        let body = Bytes::from(written.body.clone().unwrap_or_default());
        let mut response = LocalResponse::new(body);
        if let Some(status) = &written.status
            && let Some(status) = report.check(status, |status| check_status(*status))
        {
            *response.status_mut() = status;
            let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
            if bodiless && written.body.is_some() {
                report.error(
                    written
                        .status
                        .as_ref()
                        .map_or_else(Default::default, |s| s.span),
                    format!("a response with status {} has no body", status.as_u16()),
                    "take `body` out, or write another status",
                );
            }
        }
        if !response.body().is_empty() {
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, text);
        }
        for (name, value) in &written.headers {
            let name = check_name(name, value.span, report);
            let value = report.check(value, |text| check_value(text));
            if let (Some(name), Some(value)) = (name, value) {
                response.headers_mut().insert(name, value);
            }
        }
        Self(response)
    }

    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub fn response(&self) -> LocalResponse {
        self.0.clone()
    }
}

fn check_status(status: u16) -> Result<StatusCode, Invalid> {
    match StatusCode::from_u16(status) {
        Ok(code) if (200..600).contains(&status) => Ok(code),
        _ => Err(Invalid::new(
            format!("{status} is not the status of a response"),
            "a number from 200 to 599",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::route::tests::read_route;

    fn respond(written: &str) -> (Respond, Vec<crate::config::problem::Problem>) {
        read_route(&format!("respond: {written}"), |route, report| {
            Respond::compile(route.respond.as_ref().unwrap(), report)
        })
    }

    #[test]
    fn text_unless_headers_say_otherwise() {
        let (plain, _) = respond("{ status: 418, body: short }");
        let response = plain.response();
        assert_eq!(response.status(), 418);
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        assert_eq!(response.body(), "short");
        let (json, _) = respond("{ body: '{}', headers: { Content-Type: application/json } }");
        assert_eq!(
            json.response().headers()["content-type"],
            "application/json"
        );
        assert!(respond("{}").0.response().headers().is_empty());
    }

    #[test]
    fn what_is_no_response_is_refused() {
        for written in [
            "{ status: 101 }",
            "{ status: 600 }",
            "{ status: 204, body: a }",
            "{ headers: { content-length: '3' } }",
        ] {
            assert_eq!(respond(written).1.len(), 1, "{written}");
        }
    }
}
