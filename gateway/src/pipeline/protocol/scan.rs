//! One look over a head's fields for all that has to be known of their names: most heads have next to none of what
//! is asked for, and looking up each name takes longer.

use http::HeaderMap;

use super::super::grpc;

/// What a head's fields are, in short.
#[derive(Debug, Default)]
pub struct Scan {
    /// Of names and values together.
    pub(super) bytes: usize,
    pub(super) connection: bool,
    pub(super) upgrade: bool,
    pub(super) te: bool,
    pub(super) transfer_encoding: bool,
    /// `keep-alive` or `proxy-connection`.
    pub(super) other_hop: bool,
    /// Names under which a client may say something about itself, or that upstreams may take for one.
    pub claims: bool,
    /// The content type is gRPC's.
    pub grpc: bool,
    /// It is one of gRPC-Web's.
    pub grpc_web: bool,
    /// A page of another origin asks what it may send (`access-control-request-method`).
    pub preflight: bool,
}

impl Scan {
    pub fn of(headers: &HeaderMap) -> Self {
        let mut scan = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            scan.bytes += name.len() + value.len();
            match name {
                "connection" => scan.connection = true,
                "upgrade" => scan.upgrade = true,
                "te" => scan.te = true,
                "transfer-encoding" => scan.transfer_encoding = true,
                "keep-alive" | "proxy-connection" => scan.other_hop = true,
                "content-type" => {
                    scan.grpc = grpc::is_content_type(value);
                    scan.grpc_web = value.as_bytes().starts_with(b"application/grpc-web");
                }
                "access-control-request-method" => scan.preflight = true,
                _ => {
                    scan.claims |= name.starts_with("x-forwarded")
                        || name.starts_with("forwarded")
                        || name.bytes().any(|byte| byte == b'_');
                }
            }
        }
        scan
    }
}
