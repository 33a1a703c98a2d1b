//! Servers that describe themselves, and some that do it badly.

use std::{convert::Infallible, net::SocketAddr, pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt};
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;
use tokio::net::TcpListener;
use tonic::{Streaming, codegen::Service};
use tonic_reflection::pb::v1::{
    ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServiceResponse,
    server_reflection_server::{ServerReflection, ServerReflectionServer},
};

use super::*;

const BOOKS: &str = r#"syntax = "proto3";
package books;
import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
import "book.proto";
service Books {
  rpc Get(Book) returns (google.protobuf.Timestamp) {
    option (google.api.http) = { get: "/v1/{name}" };
  }
}
"#;

const BOOK: &str = "syntax = \"proto3\";\npackage books;\nmessage Book { string name = 1; }\n";

/// What a server does.
#[derive(Clone, Default)]
struct Described {
    files: Vec<(String, Vec<u8>)>,
    services: Vec<&'static str>,
    only_alpha: bool,
}

impl Described {
    /// The service `books.Books`, but for files that begin so.
    fn without(prefix: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("books.proto"), BOOKS).unwrap();
        std::fs::write(folder.path().join("book.proto"), BOOK).unwrap();
        let (_, set) = read::proto(
            &[folder.path().join("books.proto")],
            &[folder.path().to_owned()],
        );
        // Options that are extensions would be lost in the types of prost.
        let pool = DescriptorPool::decode(&*set.unwrap()).unwrap();
        let files = pool.files().filter(|it| !it.name().starts_with(prefix));
        Self {
            files: files
                .map(|it| (it.name().to_owned(), it.encode_to_vec()))
                .collect(),
            services: vec!["grpc.reflection.v1.ServerReflection", "books.Books"],
            only_alpha: false,
        }
    }

    fn answer(&self, question: Ask) -> Answer {
        let file = |name: &str| {
            let mut files = self.files.iter();
            match files.find(|(known, _)| known == name) {
                Some((_, bytes)) => Answer::FileDescriptorResponse(FileDescriptorResponse {
                    file_descriptor_proto: vec![bytes.clone()],
                }),
                None => Answer::ErrorResponse(ErrorResponse {
                    error_code: 5,
                    error_message: "no such file".into(),
                }),
            }
        };
        match question {
            Ask::ListServices(_) => {
                let named = |name: &&str| ServiceResponse {
                    name: (*name).into(),
                };
                Answer::ListServicesResponse(ListServiceResponse {
                    service: self.services.iter().map(named).collect(),
                })
            }
            Ask::FileContainingSymbol(name) if name == "books.Books" => file("books.proto"),
            Ask::FileContainingSymbol(name) | Ask::FileByFilename(name) => file(&name),
            _ => file(""),
        }
    }
}

#[tonic::async_trait]
impl ServerReflection for Described {
    type ServerReflectionInfoStream =
        Pin<Box<dyn Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

    async fn server_reflection_info(
        &self,
        request: tonic::Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<tonic::Response<Self::ServerReflectionInfoStream>, Status> {
        let described = self.clone();
        let answers = request.into_inner().map(move |request| {
            let question = request?.message_request;
            Ok(ServerReflectionResponse {
                message_response: question.map(|question| described.answer(question)),
                ..ServerReflectionResponse::default()
            })
        });
        Ok(tonic::Response::new(Box::pin(answers)))
    }
}

async fn serve(described: Described) -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let alpha = described.only_alpha;
    let server = ServerReflectionServer::new(described);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = server.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                let mut server = server.clone();
                async move {
                    let path = request.uri().path().to_owned();
                    let is_alpha = path.contains(".v1alpha.");
                    if alpha != is_alpha {
                        return Ok::<_, Infallible>(Status::unimplemented("no such").into_http());
                    }
                    *request.uri_mut() = path.replace(".v1alpha.", ".v1.").parse().unwrap();
                    let response: Response<tonic::body::Body> = server.call(request).await?;
                    Ok(response)
                }
            });
            tokio::spawn(
                http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    format!("http://{address}").parse().unwrap()
}

fn names(set: &[u8]) -> Vec<String> {
    let set = FileDescriptorSet::decode(set).unwrap();
    set.file.iter().map(|file| file.name().to_owned()).collect()
}

#[tokio::test]
async fn all_that_is_imported_comes_along() {
    let server = serve(Described::without("none")).await;
    let set = fetch(&server, &[]).await.unwrap();
    let names = names(&set);
    let at = |name: &str| names.iter().position(|it| it == name);
    assert!(at("book.proto") < at("books.proto"), "{names:?}");
    assert!(at("google/api/http.proto") < at("google/api/annotations.proto"));
    assert!(at("google/protobuf/timestamp.proto").is_some());
    assert_eq!(names.last().unwrap(), "books.proto");
    let pool = DescriptorPool::decode(&*set).unwrap();
    let service = pool.get_service_by_name("books.Books").unwrap();
    let rule = pool.get_extension_by_name("google.api.http").unwrap();
    assert!(
        service
            .methods()
            .next()
            .unwrap()
            .options()
            .has_extension(&rule)
    );
    let named = fetch(&server, &["books.Books".into()]).await.unwrap();
    assert_eq!(set, named);
}

#[tokio::test]
async fn an_old_server_is_understood() {
    let new = serve(Described::without("none")).await;
    let old = Described {
        only_alpha: true,
        ..Described::without("none")
    };
    let old = serve(old).await;
    assert_eq!(
        fetch(&old, &[]).await.unwrap(),
        fetch(&new, &[]).await.unwrap()
    );
}

/// Servers that were built without them do not know the files that everybody has.
#[tokio::test]
async fn files_that_everybody_has_need_not_be_told() {
    let server = serve(Described::without("google/")).await;
    let set = fetch(&server, &[]).await.unwrap();
    assert!(names(&set).contains(&"google/api/annotations.proto".into()));
    DescriptorPool::decode(&*set).unwrap();
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let server = serve(Described::without("book.proto")).await;
    let error = fetch(&server, &[]).await.unwrap_err();
    assert!(error.contains("`book.proto`: no such file"), "{error}");
    let error = fetch(&server, &["books.Shelves".into()]).await.unwrap_err();
    assert!(error.contains("`books.Shelves`"), "{error}");
    let error = fetch(&"http://127.0.0.1:1".parse().unwrap(), &[]).await;
    assert!(error.unwrap_err().contains("cannot connect"));
}

#[tokio::test]
async fn a_server_without_reflection_is_told_from_one_that_is_down() {
    let mut neither = Described::without("none");
    neither.services.clear();
    let server = serve(neither).await;
    assert!(
        fetch(&server, &[])
            .await
            .unwrap_err()
            .contains("nothing in it")
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refuse = service_fn(|_: Request<Incoming>| async {
        let status = Status::unimplemented("no such service");
        Ok::<_, Infallible>(status.into_http::<tonic::body::Body>())
    });
    let refuse = Arc::new(refuse);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let refuse = Arc::clone(&refuse);
            let service =
                service_fn(move |request| hyper::service::Service::call(&*refuse, request));
            tokio::spawn(
                http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    let server = format!("http://{address}").parse().unwrap();
    let error = fetch(&server, &[]).await.unwrap_err();
    assert!(error.contains("does not offer reflection"), "{error}");
}
