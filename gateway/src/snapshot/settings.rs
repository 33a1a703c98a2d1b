//! What `witgate.yaml` says about all requests, as compiled values.

mod identity;

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;

use super::GatewayFile;
use crate::{
    config::raw,
    pipeline::{identity::IdentityHeaders, route::Report},
};

/// What `witgate.yaml` says about all requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub timeouts: Timeouts,
    pub limits: Limits,
    pub forwarding: Forwarding,
    pub identity: IdentityHeaders,
}

/// See [`raw::Timeouts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    pub request_head: Duration,
    pub idle: Duration,
    pub request: Duration,
    pub drain: Duration,
}

/// See [`raw::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub header_bytes: u64,
    pub header_count: usize,
    pub uri_length: u64,
    pub body: Option<u64>,
    pub connections: u32,
    pub streams: u32,
}

/// See [`raw::Forwarding`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    pub trusted_proxies: Arc<[IpNet]>,
    pub forwarded: bool,
    /// The pseudonym in `via`.
    pub via: Arc<str>,
}

impl Settings {
    pub(super) fn compile(gateway: &GatewayFile, report: &mut Report<'_>) -> Self {
        Self {
            timeouts: timeouts(&gateway.raw.timeouts),
            limits: limits(&gateway.raw.limits),
            forwarding: forwarding(&gateway.raw.forwarding, report),
            identity: identity::compile(&gateway.raw.identity, report),
        }
    }

    /// What routes take from here.
    pub(super) fn of_routes(&self) -> (Duration, Duration, Option<u64>) {
        (self.timeouts.request, self.timeouts.idle, self.limits.body)
    }
}

fn timeouts(raw: &raw::Timeouts) -> Timeouts {
    Timeouts {
        connect: raw.connect.0,
        request_head: raw.request_head.0,
        idle: raw.idle.0,
        request: raw.request.0,
        drain: raw.drain.0,
    }
}

fn limits(raw: &raw::Limits) -> Limits {
    Limits {
        header_bytes: raw.header_bytes.0,
        header_count: raw.header_count.into(),
        uri_length: raw.uri_length.0,
        body: raw.body.map(|size| size.0),
        connections: raw.connections,
        streams: raw.streams,
    }
}

fn forwarding(raw: &raw::Forwarding, report: &mut Report<'_>) -> Forwarding {
    let via = raw.via.as_ref().map_or("witgate", |via| {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:[]".contains(c);
        if via.is_empty() || !via.chars().all(token) {
            report.error(
                via.span,
                format!("`{}` cannot stand in `via`", via.value),
                "a name without spaces (RFC 9110 section 7.6.3), as `edge-1`",
            );
        }
        via.as_str()
    });
    Forwarding {
        trusted_proxies: raw.trusted_proxies.iter().map(|net| net.value).collect(),
        forwarded: raw.forwarded,
        via: via.into(),
    }
}
