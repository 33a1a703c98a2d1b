//! A gRPC service: books on shelves, with health checking and server reflection.

mod catalogue;
mod descriptors;
mod failure;
mod messages;
mod methods;
mod reflection;

use std::{convert::Infallible, future::ready, sync::Arc};

use anyhow::Context;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tonic::{Status, body::Body, codegen::Service, server::Grpc};
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::server_reflection_server::ServerReflectionServer;
use tower::service_fn as handler;

use catalogue::Catalogue;
use methods::Methods;
use reflection::Reflection;

const SERVICE: &str = "bookstore.v1.Bookstore";

/// Serves cleartext HTTP/2.
pub(crate) async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status(SERVICE, ServingStatus::Serving)
        .await;
    let router = Arc::new(Router {
        methods: Methods(Arc::new(Catalogue::with_some_books())),
        health,
        reflection: ServerReflectionServer::new(Reflection(Arc::new(descriptors::served()?))),
    });
    loop {
        let (stream, _) = listener.accept().await?;
        let router = Arc::clone(&router);
        let service = service_fn(move |request| {
            let router = Arc::clone(&router);
            async move { Ok::<_, Infallible>(router.answer(request).await) }
        });
        tokio::spawn(async move {
            // A connection that breaks off is the client's affair.
            let _ = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The encoded descriptors of a .proto file and of all that it imports, which may be google/api and google/protobuf.
pub(crate) fn descriptor_set(file: &str) -> anyhow::Result<Vec<u8>> {
    let source = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    Ok(descriptors::compile("main.proto", &source)?.encode_to_vec())
}

struct Router<H> {
    methods: Methods,
    health: HealthServer<H>,
    reflection: ServerReflectionServer<Reflection>,
}

impl<H: Health> Router<H> {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        let (service, method) = path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or((path, ""));
        match service {
            SERVICE => {
                let method = method.to_owned();
                self.methods.clone().answer(&method, request).await
            }
            "grpc.health.v1.Health" => infallible(self.health.clone().call(request).await),
            "grpc.reflection.v1.ServerReflection" => {
                infallible(self.reflection.clone().call(request).await)
            }
            _ => Status::unimplemented(format!("there is no service {service}")).into_http(),
        }
    }
}

fn infallible<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl Methods {
    async fn answer(self, method: &str, request: Request<Incoming>) -> Response<Body> {
        macro_rules! unary {
            ($method:ident) => {
                grpc()
                    .unary(
                        handler(|asked: tonic::Request<_>| ready(self.$method(asked.get_ref()))),
                        request,
                    )
                    .await
            };
        }
        match method {
            "ListShelves" => {
                let list = handler(|_: tonic::Request<()>| ready(self.list_shelves()));
                grpc().unary(list, request).await
            }
            "ListBooks" => unary!(list),
            "GetBook" => unary!(get),
            "CreateBook" => unary!(create),
            "UpdateBook" => unary!(update),
            "DeleteBook" => unary!(delete),
            "DownloadBook" => unary!(download),
            "WatchBooks" => {
                let watch = handler(|asked| ready(self.watch(asked)));
                grpc().server_streaming(watch, request).await
            }
            "ImportBooks" => {
                let import = handler(|asked| self.clone().import(asked));
                grpc().client_streaming(import, request).await
            }
            "QuoteBooks" => {
                let quote = handler(|asked| ready(self.clone().quote(asked)));
                grpc().streaming(quote, request).await
            }
            _ => Status::unimplemented(format!("there is no method {method}")).into_http(),
        }
    }
}

fn grpc<T, U>() -> Grpc<ProstCodec<T, U>>
where
    T: prost::Message + Send + 'static,
    U: prost::Message + Default + Send + 'static,
{
    Grpc::new(ProstCodec::default())
}
