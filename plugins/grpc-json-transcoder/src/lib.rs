//! Serves gRPC services as REST and JSON APIs.

// While its halves grow towards each other.
#![allow(dead_code, unused_imports)]

mod code;
mod matcher;
mod json;
mod refusal;
mod settings;
mod template;
