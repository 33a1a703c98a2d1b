//! A request's way through the gateway.

pub mod context;
pub mod route;
pub mod sandbox;
pub mod upstream;
