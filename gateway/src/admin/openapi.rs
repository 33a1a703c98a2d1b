//! `GET /openapi/ROUTE`: the API that clients see on a route, as an OpenAPI document.

use http::{Request, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;

use super::{Answer, Control, json, text};
use crate::snapshot::NoDocument;

/// The route's name comes after it.
pub(super) const PATH: &str = "/openapi/";

pub(super) fn answer(control: &Control, request: &Request<Incoming>) -> Answer {
    let name = request.uri().path().strip_prefix(PATH).unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8_lossy();
    match control.snapshot().openapi(&name) {
        Ok(document) => json(StatusCode::OK, &document),
        Err(none) => {
            let status = match none {
                NoDocument::NoRoute(..) | NoDocument::NoApi(_) => StatusCode::NOT_FOUND,
                NoDocument::Waits { .. } => StatusCode::SERVICE_UNAVAILABLE,
                NoDocument::Broken(..) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            text(status, format!("{none}\n"))
        }
    }
}
