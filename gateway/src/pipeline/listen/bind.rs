//! Binding addresses, once for each worker.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel holds for one worker until it accepts them.
const BACKLOG: i32 = 1024;

/// Binds an address `workers` times: the kernel spreads connections over the sockets (`SO_REUSEPORT`).
///
/// # Errors
/// When the address is in use, also by another process that would share it.
pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<std::net::TcpListener>> {
    if address.port() != 0 {
        // Sharing is meant for this process alone; a socket that does not share finds out about others.
        drop(socket(address, false)?);
    }
    let first = socket(address, true)?;
    first.listen(BACKLOG)?;
    let bound = first
        .local_addr()?
        .as_socket()
        .ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut listeners = vec![first.into()];
    for _ in 1..workers {
        let next = socket(bound, true)?;
        next.listen(BACKLOG)?;
        listeners.push(next.into());
    }
    Ok(listeners)
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_a_port_that_others_cannot_have() {
        let listeners = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 3).unwrap();
        let addresses: Vec<_> = listeners
            .iter()
            .map(|socket| socket.local_addr().unwrap())
            .collect();
        assert!(addresses.len() == 3 && addresses.iter().all(|address| *address == addresses[0]));
        assert_eq!(
            bind(addresses[0], 1).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }
}
