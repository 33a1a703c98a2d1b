//! Requests that can be sent twice although their route has no `retry`.

use http::{Request, request};
use http_body::Body;

use super::super::body::RequestBody;

/// A copy of a request that may be sent twice: idempotent (RFC 9110 section 9.2.2) and without a body.
pub(super) fn repeatable(request: &Request<RequestBody>) -> Option<Box<Request<RequestBody>>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let (mut parts, ()) = Request::new(()).into_parts();
    copy_head(request, &mut parts);
    Some(Box::new(Request::from_parts(parts, RequestBody::default())))
}

fn copy_head(request: &Request<RequestBody>, parts: &mut request::Parts) {
    parts.method = request.method().clone();
    parts.uri = request.uri().clone();
    parts.version = request.version();
    parts.headers = request.headers().clone();
}
