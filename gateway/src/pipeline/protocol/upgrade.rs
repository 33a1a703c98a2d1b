//! Switching to another protocol (RFC 9110 section 7.8): WebSocket above all.
//!
//! Not a byte is passed on before the upstream has answered 101.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes in flight in each direction.
const BUFFER: usize = 16 * 1024;

/// Puts back what `fields::take_hop` has taken: the next hop is to upgrade too.
pub fn announce(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// Passes bytes both ways until both sides have ended, or nothing has moved for `idle`.
pub async fn tunnel(client: OnUpgrade, upstream: OnUpgrade, idle: Duration) -> (u64, u64) {
    let (client, upstream) = match tokio::try_join!(client, upstream) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(%error, "the upgrade did not come about");
            return (0, 0);
        }
    };
    let split = |stream: Upgraded| tokio::io::split(TokioIo::new(stream));
    let ((client_read, client_write), (upstream_read, upstream_write)) =
        (split(client), split(upstream));
    let moved = std::cell::Cell::new(tokio::time::Instant::now());
    let both = async {
        tokio::join!(
            copy(client_read, upstream_write, &moved),
            copy(upstream_read, client_write, &moved)
        )
    };
    let (mut sent, mut received) = (0, 0);
    tokio::select! {
        ended = both => (sent, received) = ended,
        () = silence(&moved, idle) => {}
    }
    (sent, received)
}

async fn silence(moved: &std::cell::Cell<tokio::time::Instant>, idle: Duration) {
    loop {
        let until = moved.get() + idle;
        if until <= tokio::time::Instant::now() {
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: &std::cell::Cell<tokio::time::Instant>,
) -> u64 {
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        moved.set(tokio::time::Instant::now());
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        total += read as u64;
    }
    // The other side learns that no more will come; it may still have something to say.
    let _ = to.shutdown().await;
    total
}
