//! Errors with details: a `google.rpc.Status` in `grpc-status-details-bin`.

use prost::Message;
use prost_types::Any;
use tonic::{Code, Status};

use super::messages::{BadRequest, FieldViolation, ResourceInfo, RpcStatus};

/// What is no book that one could keep.
pub(super) fn invalid(field: &str, description: &str) -> Status {
    let details = BadRequest {
        field_violations: vec![FieldViolation {
            field: field.into(),
            description: description.into(),
        }],
    };
    let message = format!("{field}: {description}");
    status(
        Code::InvalidArgument,
        message,
        any("google.rpc.BadRequest", &details),
    )
}

pub(super) fn not_found(shelf: &str, id: &str) -> Status {
    let message = format!("there is no book {id} on the shelf {shelf}");
    resource(Code::NotFound, message, shelf, id)
}

pub(super) fn exists(shelf: &str, id: &str) -> Status {
    let message = format!("there is a book {id} on the shelf {shelf} already");
    resource(Code::AlreadyExists, message, shelf, id)
}

fn resource(code: Code, message: String, shelf: &str, id: &str) -> Status {
    let details = ResourceInfo {
        resource_type: "bookstore.v1.Book".into(),
        resource_name: format!("shelves/{shelf}/books/{id}"),
        description: message.clone(),
    };
    status(code, message, any("google.rpc.ResourceInfo", &details))
}

fn any(kind: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{kind}"),
        value: message.encode_to_vec(),
    }
}

fn status(code: Code, message: String, detail: Any) -> Status {
    let details = RpcStatus {
        code: code.into(),
        message: message.clone(),
        details: vec![detail],
    };
    Status::with_details(code, message, details.encode_to_vec().into())
}
