//! Why the gateway does not start.

use std::{io, net::SocketAddr};

use crate::{config::problem::Problem, pipeline::sandbox::HostError};

/// The gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Shown with their places by whoever has the files.
    #[error("the configuration has errors")]
    Configuration {
        problems: Vec<Problem>,
        rendered: String,
    },
    #[error("cannot listen on {address}: {source}{}", hint(source))]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
    #[error(transparent)]
    Host(HostError),
    #[error("this machine does not let the gateway start: {0}")]
    Machine(#[source] io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            " (another process has it: stop that one, or choose another port)"
        }
        io::ErrorKind::PermissionDenied => {
            " (ports below 1024 need the capability CAP_NET_BIND_SERVICE)"
        }
        io::ErrorKind::AddrNotAvailable => " (this machine has no such address)",
        _ => "",
    }
}
