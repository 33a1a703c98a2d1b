//! `GET /config`: what is live, and what the last reload said. Nothing in it is secret: keys stand in files of
//! their own, and plugins' configurations are masked where they are shown (`/explain`).

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json, reload::Report};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'a> {
    version: &'static str,
    last_reload: Report<'a>,
    listeners: Vec<Listener>,
    timeouts_ms: Timeouts,
    limits: Limits,
    upstreams: Vec<Upstream>,
}

#[derive(Serialize)]
struct Listener {
    address: std::net::SocketAddr,
    tls: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Timeouts {
    connect: u128,
    request_head: u128,
    idle: u128,
    request: u128,
    drain: u128,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Limits {
    header_bytes: u64,
    header_count: usize,
    uri_length: u64,
    body: Option<u64>,
    connections: u32,
    streams: u32,
}

#[derive(Serialize)]
struct Upstream {
    name: String,
    endpoints: Vec<String>,
}

pub(super) fn answer(control: &Control) -> Answer {
    let snapshot = control.snapshot();
    let raw = control.gateway();
    let last = control.last();
    let timeouts = &snapshot.settings.timeouts;
    let limits = &snapshot.settings.limits;
    let shown = Shown {
        version: env!("CARGO_PKG_VERSION"),
        last_reload: Report::of(&last),
        listeners: raw
            .listeners
            .iter()
            .map(|listener| Listener {
                address: *listener.address,
                tls: listener.tls.is_some(),
            })
            .collect(),
        timeouts_ms: Timeouts {
            connect: timeouts.connect.as_millis(),
            request_head: timeouts.request_head.as_millis(),
            idle: timeouts.idle.as_millis(),
            request: timeouts.request.as_millis(),
            drain: timeouts.drain.as_millis(),
        },
        limits: Limits {
            header_bytes: limits.header_bytes,
            header_count: limits.header_count,
            uri_length: limits.uri_length,
            body: limits.body,
            connections: limits.connections,
            streams: limits.streams,
        },
        upstreams: snapshot
            .upstreams
            .iter()
            .map(|upstream| Upstream {
                name: upstream.name().to_owned(),
                endpoints: upstream.endpoints().map(str::to_owned).collect(),
            })
            .collect(),
    };
    json(StatusCode::OK, &shown)
}
