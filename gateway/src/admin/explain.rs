//! `GET /explain?method=GET&url=http://api.example.com/orders/7&header=x-tenant:acme&body=…`: which live route answers
//! a request, why the others do not, and what its plugins say. `header` may come more than once.

use http::{Request, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;

use super::{Answer, Control, json, text};
use crate::cli::explain::ask;

pub(super) fn answer(control: &Control, request: &Request<Incoming>) -> Answer {
    let (mut method, mut url, mut headers) = (String::from("GET"), None, Vec::new());
    let mut body = None;
    for pair in request.uri().query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(&value.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned();
        match name {
            "method" => method = value,
            "url" => url = Some(value),
            "header" => headers.push(value),
            "body" => body = Some(value.into_bytes()),
            _ => {}
        }
    }
    let Some(url) = url else {
        return text(
            StatusCode::BAD_REQUEST,
            "ask with ?url=http://HOST/PATH&method=GET&header=NAME:VALUE&body=BODY\n",
        );
    };
    match ask(&control.snapshot(), &method, &url, &headers, body) {
        Ok(explanation) => json(StatusCode::OK, &explanation),
        Err(invalid) => text(StatusCode::BAD_REQUEST, format!("{invalid}\n")),
    }
}
