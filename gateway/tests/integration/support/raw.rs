//! Bytes on a socket, for traffic that no well-behaved library would send.

use std::{future::Future, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::soon;

/// Sends these bytes and returns everything that comes back until the connection ends.
pub(crate) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may close before all of it is sent: what it answered still counts.
    let _ = stream.write_all(bytes.as_ref()).await;
    until_closed(&mut stream).await
}

/// Everything until the connection ends.
pub(crate) async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    soon("the end of the connection", async {
        loop {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.extend_from_slice(&piece[..count]),
            }
        }
    })
    .await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until this text has come; returns all that was read.
pub(crate) async fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    soon(text, async {
        while !String::from_utf8_lossy(&seen).contains(text) {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap();
            assert!(
                count > 0,
                "closed before {text:?}: {}",
                String::from_utf8_lossy(&seen)
            );
            seen.extend_from_slice(&piece[..count]);
        }
    })
    .await;
    String::from_utf8_lossy(&seen).into_owned()
}

/// The status of the first response in these bytes.
pub(crate) fn status(answer: &str) -> u16 {
    let code = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no response: {answer:?}"))
}

/// An upstream that treats each connection as it likes.
pub(crate) async fn upstream<F>(behave: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream));
        }
    });
    address
}

/// An upstream that reads one head and answers with these bytes, then closes.
pub(crate) async fn answering(bytes: &'static [u8]) -> SocketAddr {
    upstream(move |mut stream| async move {
        until(&mut stream, "\r\n\r\n").await;
        stream.write_all(bytes).await.unwrap();
        let _ = stream.shutdown().await;
    })
    .await
}
