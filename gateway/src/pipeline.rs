//! A request's way through the gateway.

pub mod body;
pub mod context;
pub mod deadline;
pub mod route;
pub mod sandbox;
pub mod upstream;
