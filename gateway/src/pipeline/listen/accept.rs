//! Accepting connections: a loop that cannot fail. Everything slow is left to the connection's own task.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// After an error that is the machine's own (out of file handles), accepting again at once would only spin.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection, and the permit that it gives back when it ends.
pub struct Accepted {
    pub tcp: TcpStream,
    pub address: SocketAddr,
    pub permit: OwnedSemaphorePermit,
}

/// Hands connections over until it is dropped, as long as there are permits.
pub async fn accept(listener: TcpListener, permits: Arc<Semaphore>, hand_over: impl Fn(Accepted)) {
    loop {
        // Waiting here leaves the connection in the kernel's queue.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((tcp, address)) => hand_over(Accepted {
                tcp,
                address,
                permit,
            }),
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The client was gone before we came.
fn is_of_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
