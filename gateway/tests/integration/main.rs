//! The whole gateway, as a process, between real clients and real upstreams.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod access_control;
mod algorithms;
mod api_key;
mod basic_auth;
mod breaker;
mod browser;
mod cache;
mod cli;
mod cors;
mod descriptors;
mod discovery;
mod drain;
mod errors;
mod examples;
mod floods;
mod grpc;
mod headers;
mod held_heads;
mod hostility;
mod http_client;
mod identity;
mod introspection;
mod issuers;
mod jwt;
mod key_sets;
mod limits;
mod malformed;
mod mtls;
mod nginx;
mod oauth2_client;
mod oidc_login;
mod plugins;
mod proxying;
mod rate_limits;
mod reload;
mod routing;
mod sample;
mod secrets;
mod secrets_of_plugins;
mod spelling;
mod startup;
mod swaps;
mod timeouts;
mod transcoding;
mod transcoding_cases;
mod upgrades;
mod versions;
