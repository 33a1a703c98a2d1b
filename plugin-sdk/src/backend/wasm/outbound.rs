//! HTTP calls and the shared memory, between the generated imports and the SDK's types.

use super::bindings::witgate::plugin::http_client;
use crate::http::{self, Error, Request, Response};

use http_client::Call;

pub(crate) use super::bindings::witgate::plugin::{
    http_client::Client,
    kv::{Claim, delete as kv_delete, get as kv_get, set as kv_set},
};

pub(crate) fn start(client: &Client, request: Request<Vec<u8>>) -> Call {
    let (head, body) = request.into_parts();
    let fields = head.headers.iter();
    client.start(&http_client::Request {
        method: head.method.as_str().to_owned(),
        target: head.uri.to_string(),
        headers: fields
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body,
    })
}

pub(crate) fn take(call: &Call) -> Option<Result<Response<Vec<u8>>, Error>> {
    let taken = call.take()?;
    Some(
        taken
            .map_err(error)
            .and_then(|response| http::response(response.status, response.headers, response.body)),
    )
}

fn error(error: http_client::Error) -> Error {
    match error {
        http_client::Error::Invalid(what) => Error::Invalid(what),
        http_client::Error::Busy => Error::Busy,
        http_client::Error::Unreachable => Error::Unreachable,
        http_client::Error::Tls => Error::Tls,
        http_client::Error::Timeout => Error::Timeout,
        http_client::Error::TooLarge => Error::TooLarge,
        http_client::Error::Broken => Error::Broken,
        http_client::Error::Gone => Error::Gone,
    }
}
