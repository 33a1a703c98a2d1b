//! The whole gateway, as a process, between real clients and real upstreams.

mod support;

mod algorithms;
mod cli;
mod drain;
mod errors;
mod examples;
mod grpc;
mod headers;
mod jwt;
mod limits;
mod malformed;
mod nginx;
mod plugins;
mod proxying;
mod reload;
mod routing;
mod startup;
mod timeouts;
mod upgrades;
mod versions;
