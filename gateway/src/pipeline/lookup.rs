//! What routing is asked: for the route of a request, and for that of a request which a page announces.

use http::{Method, StatusCode, header, request};

use super::{
    context::{Facts, LocalResponse},
    failure::Failure,
    route::{RequestView, RouteIndex, Table, cors, redirect::RedirectView},
};
use crate::snapshot::Route;

/// A page of another origin asks what it may send: the answer, if there is a route with `cors` that what it announces
/// would find. All other requests of this kind are requests like any other.
pub(super) fn preflight(
    table: &Table<Route>,
    head: &request::Parts,
) -> Option<(RouteIndex, Result<LocalResponse, Failure>)> {
    let announced = head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let announced = Method::from_bytes(announced.as_bytes()).ok()?;
    if head.method != Method::OPTIONS || !head.headers.contains_key(header::ORIGIN) {
        return None;
    }
    let index = viewed(head, &announced, |view| {
        cors::find(table, view, |route: &Route| route.cors.is_some())
    })?;
    let answer = table.get(index).cors.as_ref()?.preflight(&head.headers);
    let answer = answer.ok_or(Failure::Origin).map(|fields| {
        let mut response = LocalResponse::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.headers_mut() = fields;
        response
    });
    Some((index, answer))
}

/// Shows what routing reads of a head, with another method perhaps.
pub(super) fn viewed<R>(
    head: &request::Parts,
    method: &Method,
    see: impl FnOnce(&RequestView<'_>) -> R,
) -> R {
    let authority = authority(head);
    let host = without_port(authority);
    let lower;
    let host = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        lower = host.to_ascii_lowercase();
        &lower
    } else {
        host
    };
    see(&RequestView {
        method,
        host,
        path: head.uri.path(),
        query: head.uri.query(),
        headers: &head.headers,
    })
}

pub(super) fn redirect_view<'a>(head: &'a request::Parts, facts: &Facts) -> RedirectView<'a> {
    RedirectView {
        secure: facts.secure,
        authority: authority(head),
        path: head.uri.path(),
        query: head.uri.query(),
    }
}

/// `host`, which `normalise` has checked.
fn authority(head: &request::Parts) -> &str {
    head.headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default()
}

fn without_port(authority: &str) -> &str {
    match authority.bytes().rposition(|byte| byte == b':') {
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    }
}
