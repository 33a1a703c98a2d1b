//! Descriptors from a server that describes itself: gRPC server reflection, `grpc.reflection.v1` and, where that is
//! not known, `v1alpha`, which is the same on the wire under another name.

mod connect;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::stream;
use http::Uri;
use prost::Message;
use prost_types::FileDescriptorProto;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tonic::{Code, Status, Streaming};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, ServerReflectionResponse,
    server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest as Ask,
    server_reflection_response::MessageResponse as Answer,
};

use super::{MOST_BYTES, bundled, read};

/// From the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);

/// More files than any service has.
const MOST_FILES: usize = 2_000;

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
    let answers = client.server_reflection_info(outgoing).await?;
    let mut talk = Talk {
        requests,
        answers: answers.into_inner(),
    };
    let mut services = match services {
        [] => talk.services().await?,
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

/// One stream of questions and answers.
struct Talk {
    requests: UnboundedSender<ServerReflectionRequest>,
    answers: Streaming<ServerReflectionResponse>,
}

impl Talk {
    async fn ask(&mut self, question: Ask) -> Result<Answer, Failure> {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(question),
        };
        let ended = || String::from("the server ended the conversation");
        self.requests.send(request).map_err(|_| ended())?;
        let answer = self.answers.message().await?.ok_or_else(ended)?;
        let answer = answer.message_response;
        Ok(answer.ok_or_else(|| String::from("the server's answer is empty"))?)
    }

    async fn services(&mut self) -> Result<Vec<String>, Failure> {
        let Answer::ListServicesResponse(list) = self.ask(Ask::ListServices(String::new())).await?
        else {
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
        match self.ask(question).await? {
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

/// The files that came, by name.
#[derive(Default)]
struct Files {
    all: BTreeMap<String, (Vec<u8>, Vec<String>)>,
    missing: BTreeSet<String>,
    bytes: usize,
}

impl Files {
    fn add(&mut self, files: Vec<Vec<u8>>) -> Result<(), String> {
        for bytes in files {
            let file = FileDescriptorProto::decode(&*bytes)
                .map_err(|error| format!("the server sent what is no descriptor: {error}"))?;
            let name = file.name().to_owned();
            if self.all.contains_key(&name) {
                continue;
            }
            self.bytes += bytes.len();
            if self.bytes > MOST_BYTES || self.all.len() >= MOST_FILES {
                return Err(format!(
                    "the server has more than {} MiB or {MOST_FILES} files; name the `services`",
                    MOST_BYTES >> 20
                ));
            }
            self.missing.remove(&name);
            let unknown = |name: &&String| !self.all.contains_key(*name);
            let missing = file.dependency.iter().filter(unknown);
            self.missing
                .extend(missing.filter(|it| **it != name).cloned());
            self.all.insert(name, (bytes, file.dependency));
        }
        Ok(())
    }

    fn missing(&self) -> Option<String> {
        self.missing.first().cloned()
    }

    fn must_have(&self, name: &str) -> Result<(), String> {
        match self.all.contains_key(name) {
            true => Ok(()),
            false => Err(format!("the server answered another file than `{name}`")),
        }
    }

    /// A `FileDescriptorSet`, every file after those that it imports.
    fn in_order(&self) -> Result<Vec<u8>, String> {
        let mut out = Vec::with_capacity(self.bytes + 8 * self.all.len());
        let mut done = BTreeSet::new();
        for name in self.all.keys() {
            // A path through the imports; each entry says how many of its own have been looked at.
            let mut path = vec![(name.as_str(), 0)];
            while let Some((name, looked)) = path.pop() {
                if done.contains(name) {
                    continue;
                }
                let Some((bytes, imports)) = self.all.get(name) else {
                    continue;
                };
                match imports.get(looked) {
                    Some(import) if path.iter().any(|(open, _)| open == import) => {
                        return Err(format!("`{name}` and `{import}` import each other"));
                    }
                    Some(import) => path.extend([(name, looked + 1), (import.as_str(), 0)]),
                    None => {
                        done.insert(name);
                        // Field 1, a message.
                        out.push(0x0a);
                        prost::encoding::encode_varint(bytes.len() as u64, &mut out);
                        out.extend_from_slice(bytes);
                    }
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FileDescriptorSet;

    use super::*;

    fn file(name: &str, imports: &[&str]) -> Vec<u8> {
        let file = FileDescriptorProto {
            name: Some(name.into()),
            dependency: imports.iter().map(|&name| name.into()).collect(),
            ..FileDescriptorProto::default()
        };
        file.encode_to_vec()
    }

    #[test]
    fn files_come_after_what_they_import() {
        let mut files = Files::default();
        files.add(vec![file("a", &["c", "b"])]).unwrap();
        assert_eq!(files.missing().unwrap(), "b");
        files.add(vec![file("b", &["c"]), file("c", &[])]).unwrap();
        assert_eq!(files.missing(), None);
        let set = FileDescriptorSet::decode(&*files.in_order().unwrap()).unwrap();
        let names: Vec<_> = set.file.iter().map(FileDescriptorProto::name).collect();
        assert_eq!(names, ["c", "b", "a"]);
    }

    #[test]
    fn a_circle_is_refused() {
        let mut files = Files::default();
        let circle = vec![file("a", &["b"]), file("b", &["a"]), file("c", &["c"])];
        files.add(circle).unwrap();
        assert!(files.in_order().unwrap_err().contains("import each other"));
    }

    #[test]
    fn there_is_an_end_to_what_a_server_may_send() {
        let mut files = Files::default();
        let many = (0..=MOST_FILES).map(|number| file(&number.to_string(), &[]));
        let error = files.add(many.collect()).unwrap_err();
        assert!(error.contains("name the `services`"), "{error}");
    }
}
