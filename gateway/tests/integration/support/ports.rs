//! Ports that belong to one test, for servers that cannot bind to port 0 and for those that are not there.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port that nobody listens on, and that the system gives to nobody else for as long as the tests run: it stays
/// bound. A server that sets `SO_REUSEADDR` can listen on it, and again after a restart.
pub(crate) fn reserved() -> SocketAddr {
    let bound = TcpSocket::new_v4().unwrap();
    bound.set_reuseaddr(true).unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr().unwrap();
    std::mem::forget(bound);
    address
}
