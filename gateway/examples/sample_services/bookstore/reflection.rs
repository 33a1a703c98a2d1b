//! Server reflection (grpc.reflection.v1): tells clients which services and messages there are.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream::BoxStream};
use prost_reflect::{DescriptorPool, FileDescriptor};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    server_reflection_server::ServerReflection,
};

/// Answers for what is in the pool.
pub(super) struct Reflection(pub(super) Arc<DescriptorPool>);

#[tonic::async_trait]
impl ServerReflection for Reflection {
    type ServerReflectionInfoStream = BoxStream<'static, Result<ServerReflectionResponse, Status>>;

    async fn server_reflection_info(
        &self,
        asked: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let answers = answers(Arc::clone(&self.0), asked.into_inner());
        Ok(Response::new(answers.boxed()))
    }
}

fn answers(
    pool: Arc<DescriptorPool>,
    asked: Streaming<ServerReflectionRequest>,
) -> impl Stream<Item = Result<ServerReflectionResponse, Status>> {
    asked.map(move |one| {
        let one = one?;
        let message = one.message_request.as_ref();
        let message = message.ok_or_else(|| Status::invalid_argument("no question"))?;
        Ok(ServerReflectionResponse {
            valid_host: one.host.clone(),
            message_response: Some(answer(&pool, message)),
            original_request: Some(one),
        })
    })
}

fn answer(pool: &DescriptorPool, asked: &MessageRequest) -> MessageResponse {
    match asked {
        MessageRequest::ListServices(_) => services(pool),
        MessageRequest::FileByFilename(name) => file(pool.get_file_by_name(name), name),
        MessageRequest::FileContainingSymbol(symbol) => file(defining(pool, symbol), symbol),
        MessageRequest::FileContainingExtension(asked) => {
            let message = pool.get_message_by_name(&asked.containing_type);
            let number = u32::try_from(asked.extension_number).unwrap_or_default();
            let found = message.and_then(|message| message.get_extension(number));
            let name = format!("extension {number} of {}", asked.containing_type);
            file(found.map(|found| found.parent_file()), &name)
        }
        MessageRequest::AllExtensionNumbersOfType(name) => {
            let extensions = pool.get_message_by_name(name).into_iter();
            let numbers = extensions.flat_map(|message| {
                let numbers = message.extensions().map(|extension| extension.number());
                numbers.collect::<Vec<_>>()
            });
            MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse {
                base_type_name: name.clone(),
                extension_number: numbers
                    .filter_map(|number| number.try_into().ok())
                    .collect(),
            })
        }
    }
}

fn services(pool: &DescriptorPool) -> MessageResponse {
    let service = pool.services().map(|service| ServiceResponse {
        name: service.full_name().to_owned(),
    });
    MessageResponse::ListServicesResponse(ListServiceResponse {
        service: service.collect(),
    })
}

/// The file, with everything that it imports.
fn file(found: Option<FileDescriptor>, asked: &str) -> MessageResponse {
    let Some(found) = found else {
        return MessageResponse::ErrorResponse(ErrorResponse {
            error_code: Code::NotFound.into(),
            error_message: format!("{asked} is not known here"),
        });
    };
    let mut files = vec![found];
    let mut next = 0;
    while let Some(file) = files.get(next).cloned() {
        for import in file.dependencies() {
            if !files.contains(&import) {
                files.push(import);
            }
        }
        next += 1;
    }
    let encoded = files.iter().map(FileDescriptor::encode_to_vec);
    MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
        file_descriptor_proto: encoded.collect(),
    })
}

fn defining(pool: &DescriptorPool, symbol: &str) -> Option<FileDescriptor> {
    let service = |name: &str| pool.get_service_by_name(name);
    if let Some(found) = service(symbol) {
        return Some(found.parent_file());
    }
    if let Some(found) = pool.get_message_by_name(symbol) {
        return Some(found.parent_file());
    }
    if let Some(found) = pool.get_enum_by_name(symbol) {
        return Some(found.parent_file());
    }
    // A method, then.
    let (parent, _) = symbol.rsplit_once('.')?;
    service(parent).map(|found| found.parent_file())
}
