//! One request and its answer, over a connection that is there or a new one.

use std::{error::Error as _, sync::Arc};

use http::{HeaderMap, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    call::Answer,
    connect::connect,
    definition::Definition,
    error::Error,
    pool::Pool,
    pool::Sender,
    request::{self, Outgoing},
};
use crate::pipeline::sandbox::bindings::http_client as wit;

/// The right to be one of those in flight, shared by all that is done for one request.
pub(super) type Permit = Arc<OwnedSemaphorePermit>;

pub(super) async fn exchange(
    definition: &Definition,
    pool: &Pool,
    request: Outgoing,
    permit: &Permit,
) -> Answer {
    let mut outgoing = request;
    if let Some(sender) = pool.take() {
        let repeatable = outgoing.method().is_idempotent();
        let spare = repeatable.then(|| outgoing.clone());
        match ask(definition, pool, sender, outgoing).await {
            Asked::Answered(answer) => return answer,
            // The server had closed the connection before it could know of the request.
            Asked::Unsent(unsent) => outgoing = *unsent,
            Asked::Broken(error) => match spare {
                // Or so it seems; and to ask twice does no harm.
                Some(spare) => outgoing = spare,
                None => return Err(error),
            },
        }
    }
    let sender = connect(&definition.url, permit).await?;
    match ask(definition, pool, sender, outgoing).await {
        Asked::Answered(answer) => answer,
        Asked::Broken(error) => Err(error),
        Asked::Unsent(_) => Err(Error::Broken("the server closed it at once".into())),
    }
}

/// What became of a request on one connection.
enum Asked {
    Answered(Answer),
    /// It never left.
    Unsent(Box<Outgoing>),
    /// The connection broke before the first byte of an answer.
    Broken(Error),
}

async fn ask(definition: &Definition, pool: &Pool, mut sender: Sender, request: Outgoing) -> Asked {
    let response = match sender.try_send_request(request).await {
        Ok(response) => response,
        Err(mut failed) => {
            return match failed.take_message() {
                Some(unsent) => Asked::Unsent(Box::new(unsent)),
                None => Asked::Broken(broken(failed.error())),
            };
        }
    };
    let answer = read(definition, response).await;
    // An answer that was not read to its end keeps the connection from another.
    if answer.is_ok() && sender.ready().await.is_ok() {
        pool.put(sender);
    }
    Asked::Answered(answer)
}

async fn read(definition: &Definition, response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let most = definition.max_response;
    if body.size_hint().lower() > most as u64 {
        return Err(Error::TooLarge);
    }
    let body = Limited::new(body, most)
        .collect()
        .await
        .map_err(|error| unread(&*error))?;
    Ok(wit::Response {
        status: head.status.as_u16(),
        headers: fields(&head.headers),
        body: body.to_bytes().into(),
    })
}

/// What concerns the connection is left out.
fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let of_interest = headers
        .iter()
        .filter(|(name, _)| !request::is_of_connection(name, headers));
    of_interest
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn unread(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Error {
    if error.is::<LengthLimitError>() {
        return Error::TooLarge;
    }
    match error.downcast_ref::<hyper::Error>() {
        Some(error) => broken(error),
        None => Error::Broken(error.to_string()),
    }
}

/// hyper's own words say what it was doing, those of the source why that failed.
fn broken(error: &hyper::Error) -> Error {
    Error::Broken(match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
}
