//! The command line.

pub mod check;
pub mod explain;
pub mod routes;
pub mod schema;
