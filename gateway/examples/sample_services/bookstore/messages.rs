//! The messages of routes.d/bookstore.proto, and what errors tell in detail (google.rpc).

use prost_types::{FieldMask, Timestamp};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Book {
    #[prost(string, tag = "1")]
    pub(super) shelf: String,
    #[prost(string, tag = "2")]
    pub(super) id: String,
    #[prost(string, tag = "3")]
    pub(super) title: String,
    #[prost(string, tag = "4")]
    pub(super) author: String,
    #[prost(int32, tag = "5")]
    pub(super) pages: i32,
    #[prost(int64, tag = "6")]
    pub(super) price: i64,
    #[prost(enumeration = "Binding", tag = "7")]
    pub(super) binding: i32,
    #[prost(string, repeated, tag = "8")]
    pub(super) tags: Vec<String>,
    #[prost(message, optional, tag = "9")]
    pub(super) updated: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum Binding {
    Unspecified = 0,
    Paperback = 1,
    Hardcover = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListShelvesResponse {
    #[prost(string, repeated, tag = "1")]
    pub(super) shelves: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListBooksRequest {
    #[prost(string, tag = "1")]
    pub(super) shelf: String,
    #[prost(string, tag = "2")]
    pub(super) author: String,
    #[prost(enumeration = "Binding", tag = "3")]
    pub(super) binding: i32,
    #[prost(uint32, tag = "4")]
    pub(super) page_size: u32,
    #[prost(string, tag = "5")]
    pub(super) page_token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListBooksResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) books: Vec<Book>,
    #[prost(string, tag = "2")]
    pub(super) next_page_token: String,
}

/// Also `DeleteBookRequest`, which has the same fields.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetBookRequest {
    #[prost(string, tag = "1")]
    pub(super) shelf: String,
    #[prost(string, tag = "2")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateBookRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) book: Option<Book>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UpdateBookRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) book: Option<Book>,
    #[prost(message, optional, tag = "2")]
    pub(super) update_mask: Option<FieldMask>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WatchBooksRequest {
    #[prost(string, tag = "1")]
    pub(super) shelf: String,
    #[prost(uint32, tag = "2")]
    pub(super) limit: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BookEvent {
    #[prost(enumeration = "EventKind", tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) book: Option<Book>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum EventKind {
    Unspecified = 0,
    Present = 1,
    Created = 2,
    Updated = 3,
    Deleted = 4,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ImportBooksResponse {
    #[prost(uint32, tag = "1")]
    pub(super) created: u32,
    #[prost(uint32, tag = "2")]
    pub(super) skipped: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct QuoteRequest {
    #[prost(string, tag = "1")]
    pub(super) shelf: String,
    #[prost(string, tag = "2")]
    pub(super) id: String,
    #[prost(uint32, tag = "3")]
    pub(super) copies: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Quote {
    #[prost(string, tag = "1")]
    pub(super) title: String,
    #[prost(int64, tag = "2")]
    pub(super) price: i64,
}

/// google.api.HttpBody
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HttpBody {
    #[prost(string, tag = "1")]
    pub(super) content_type: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) data: Vec<u8>,
}

/// google.rpc.Status
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<prost_types::Any>,
}

/// google.rpc.BadRequest
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) field_violations: Vec<FieldViolation>,
}

/// google.rpc.BadRequest.FieldViolation
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FieldViolation {
    #[prost(string, tag = "1")]
    pub(super) field: String,
    #[prost(string, tag = "2")]
    pub(super) description: String,
}

/// google.rpc.ResourceInfo
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ResourceInfo {
    #[prost(string, tag = "1")]
    pub(super) resource_type: String,
    #[prost(string, tag = "2")]
    pub(super) resource_name: String,
    #[prost(string, tag = "4")]
    pub(super) description: String,
}
