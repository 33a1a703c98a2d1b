//! The whole gateway, as a process, between real clients and real upstreams.

mod support;

mod drain;
mod errors;
mod grpc;
mod headers;
mod limits;
mod malformed;
mod nginx;
mod proxying;
mod reload;
mod routing;
mod startup;
mod timeouts;
mod upgrades;
mod versions;
