//! Descriptors from a server that describes itself: gRPC server reflection, `grpc.reflection.v1` and, where that is
//! not known, `v1alpha`, which is the same on the wire under another name.

mod connect;
mod files;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_util::stream;
use http::Uri;
use prost::Message;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tonic::{Code, Status, Streaming};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, ServerReflectionResponse,
    server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest as Ask,
    server_reflection_response::MessageResponse as Answer,
};

use self::files::Files;
use super::{MOST_BYTES, bundled, read};

/// From the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The services that describe the others.
const OWN: &str = "grpc.reflection.";

/// Asks a server for these services, or for all, and for what their files import.
pub(super) async fn fetch(server: &Uri, services: &[String]) -> Result<Vec<u8>, String> {
    let fetched = tokio::time::timeout(TIMEOUT, async {
        let newest = ask(server, services, Version::V1).await;
        match newest {
            Err(Failure::Unknown) => ask(server, services, Version::V1Alpha).await,
            other => other,
        }
    });
    match fetched.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(Failure::Unknown)) => Err(String::from(
            "the server does not offer reflection: switch it on there, or write `proto` or `set`",
        )),
        Ok(Err(Failure::Other(message))) => Err(message),
        Err(_) => Err(format!("no whole answer within {TIMEOUT:?}")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V1Alpha,
}

#[derive(Debug)]
enum Failure {
    /// The server does not know this version.
    Unknown,
    Other(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::Unimplemented => Self::Unknown,
            code => Self::Other(format!("{code:?}: {}", status.message())),
        }
    }
}

async fn ask(server: &Uri, services: &[String], version: Version) -> Result<Vec<u8>, Failure> {
    let connection = connect::connect(server, version == Version::V1Alpha).await?;
    let mut client = ServerReflectionClient::with_origin(connection, server.clone())
        .max_decoding_message_size(MOST_BYTES);
    let (requests, mut inbox) = unbounded_channel();
    let outgoing = stream::poll_fn(move |cx| inbox.poll_recv(cx));
    // Before the call: some servers say nothing, not even that they listen, until they are asked something.
    put(&requests, Ask::ListServices(String::new()))?;
    let answers = client.server_reflection_info(outgoing).await?;
    let mut talk = Talk {
        requests,
        answers: answers.into_inner(),
    };
    let known = talk.services().await?;
    let mut services = match services {
        [] => known,
        named => named.to_vec(),
    };
    // The same content must have the same digest, in whatever order the server names things.
    services.sort_unstable();
    let mut files = Files::default();
    for service in services {
        files.add(talk.files(Ask::FileContainingSymbol(service)).await?)?;
    }
    while let Some(name) = files.missing() {
        match talk.files(Ask::FileByFilename(name.clone())).await {
            Ok(found) => files.add(found)?,
            // Some servers keep quiet about the files that everybody has.
            Err(failure) => match bundled::open(&name) {
                Ok(file) => files.add(vec![file.file_descriptor_proto().encode_to_vec()])?,
                Err(_) => return Err(failure),
            },
        }
        files.must_have(&name)?;
    }
    let set = files.in_order()?;
    Ok(read::checked(&set).map_err(|flaw| flaw.message)?)
}

fn ended() -> String {
    String::from("the server ended the conversation")
}

fn put(to: &UnboundedSender<ServerReflectionRequest>, question: Ask) -> Result<(), String> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    to.send(request).map_err(|_| ended())
}

/// One stream of questions and answers.
struct Talk {
    requests: UnboundedSender<ServerReflectionRequest>,
    answers: Streaming<ServerReflectionResponse>,
}

impl Talk {
    async fn answer(&mut self) -> Result<Answer, Failure> {
        let answer = self.answers.message().await?.ok_or_else(ended)?;
        let answer = answer.message_response;
        Ok(answer.ok_or_else(|| String::from("the server's answer is empty"))?)
    }

    /// The answer to the first question.
    async fn services(&mut self) -> Result<Vec<String>, Failure> {
        let Answer::ListServicesResponse(list) = self.answer().await? else {
            return Err(String::from("the server does not say which services it has").into());
        };
        let names = list.service.into_iter().map(|service| service.name);
        Ok(names.filter(|name| !name.starts_with(OWN)).collect())
    }

    async fn files(&mut self, question: Ask) -> Result<Vec<Vec<u8>>, Failure> {
        let what = match &question {
            Ask::FileContainingSymbol(name) | Ask::FileByFilename(name) => name.clone(),
            _ => String::new(),
        };
        put(&self.requests, question)?;
        match self.answer().await? {
            Answer::FileDescriptorResponse(found) => Ok(found.file_descriptor_proto),
            Answer::ErrorResponse(error) => {
                Err(format!("the server does not know `{what}`: {}", error.error_message).into())
            }
            _ => {
                Err(format!("the server answered something else than the file of `{what}`").into())
            }
        }
    }
}
