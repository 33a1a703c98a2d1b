//! Serves gRPC services as REST and JSON APIs.

// While its halves grow towards each other.
#![allow(dead_code, unused_imports)]

mod binding;
mod code;
mod deadline;
mod frame;
mod json;
mod matcher;
mod negotiate;
mod refusal;
mod rules;
mod scalar;
mod settings;
mod status;
mod template;
#[cfg(test)]
mod testing;
