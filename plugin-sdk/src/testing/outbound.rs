//! What stands behind HTTP clients.

use crate::{
    backend::outbound,
    http::{Error, Request, Response},
};

/// Declares an HTTP client, as one of `http-clients`.
pub fn set_http_client(name: &str, url: &str) {
    outbound(|all| {
        let client = all.clients.entry(name.to_owned()).or_default();
        client.url = url.trim_end_matches('/').to_owned();
    });
}

/// What the client answers next. Each answer is for one request, in the order in which they are waited for; while there
/// is none, the requests stay under way.
pub fn answer_http(name: &str, answer: Result<Response<Vec<u8>>, Error>) {
    outbound(|all| {
        let client = all.clients.entry(name.to_owned()).or_default();
        client.answers.push_back(answer);
    });
}

/// The requests that were started so far; they are not handed out again.
pub fn take_http_requests(name: &str) -> Vec<Request<Vec<u8>>> {
    outbound(|all| {
        let client = all.clients.get_mut(name);
        client.map(|client| std::mem::take(&mut client.requests))
    })
    .unwrap_or_default()
}

/// How many requests were dropped before they had an answer.
pub fn cancelled_http_requests(name: &str) -> u32 {
    outbound(|all| all.clients.get(name).map_or(0, |client| client.cancelled))
}
