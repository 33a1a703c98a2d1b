//! A request's way through the gateway.

pub mod body;
pub mod context;
pub mod deadline;
mod executor;
pub mod failure;
pub mod protocol;
pub mod reply;
pub mod route;
pub mod sandbox;
pub mod upstream;
