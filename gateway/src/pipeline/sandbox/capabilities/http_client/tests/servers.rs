//! Servers that answer too much, too late, or not at all.

use super::*;

#[tokio::test]
async fn answers_without_end_are_cut_at_the_limit() {
    let (url, _) = server(|mut stream| async move {
        read(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(b"3e8\r\n").await.is_ok() {
            let piece = [&[b'x'; 1000][..], b"\r\n"].concat();
            if stream.write_all(&piece).await.is_err() {
                return;
            }
        }
    })
    .await;
    let client = client_with(&url, "max-response: 4KiB");
    assert_eq!(fails(&client, get("/base")).await, "too-large");

    let huge = "HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\nx";
    let (url, _) = server(move |stream| always(stream, huge)).await;
    let client = client_with(&url, "");
    assert_eq!(
        fails(&client, get("/base")).await,
        "too-large",
        "told, and not read"
    );
}

#[tokio::test]
async fn servers_that_do_not_answer_are_told_apart() {
    let closed = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let client = client_with(&format!("http://{closed}"), "");
    assert_eq!(fails(&client, get("/")).await, "unreachable");
    let client = client_with("http://nobody.invalid", "");
    assert_eq!(fails(&client, get("/")).await, "unreachable");

    let (url, _) = server(|mut stream| async move {
        read(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let client = client_with(&url, "timeout: 50ms");
    assert_eq!(fails(&client, get("/base")).await, "timeout");

    let (url, _) = server(|stream| always(stream, "<html>so much for HTTP</html>\r\n\r\n")).await;
    assert_eq!(fails(&client_with(&url, ""), get("/base")).await, "broken");

    let (url, _) = server(|mut stream| async move {
        read(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
            .await;
    })
    .await;
    assert_eq!(fails(&client_with(&url, ""), get("/base")).await, "broken");

    let (url, _) = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        read(&mut stream).await;
    })
    .await;
    let secure = url.replace("http://", "https://");
    let client = client_with(&secure, "");
    assert_eq!(fails(&client, get("/base")).await, "tls");
    assert!(client.numbers.last_error().unwrap().contains("TLS"));
}

#[tokio::test]
async fn only_so_many_are_in_flight_and_a_dropped_one_is_cancelled() {
    let (url, _) = server(|mut stream| async move {
        read(&mut stream).await;
        // Ends when the gateway hangs up.
        read(&mut stream).await;
    })
    .await;
    let client = client_with(&url, "max-in-flight: 2, timeout: 20s");
    let one = Arc::clone(&client).start(get("/base"));
    let two = Arc::clone(&client).start(get("/base"));
    assert!(one.take().is_none() && two.take().is_none());
    assert_eq!(client.in_flight(), 2);
    assert_eq!(fails(&client, get("/base")).await, "busy");
    drop(one);
    soon(async {
        while client.in_flight() == 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        (count(&client, "cancelled"), count(&client, "busy")),
        (1, 1)
    );
    let three = Arc::clone(&client).start(get("/base"));
    assert!(three.take().is_none(), "there is room again");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    // One request for each connection, without saying so.
    let (url, connections) = server(|mut stream| async move {
        read(&mut stream).await;
        let _ = stream.write_all(OK.as_bytes()).await;
    })
    .await;
    let client = client_with(&url, "");
    for _ in 0..5 {
        send(&client, get("/base")).await.unwrap();
    }
    assert_eq!(connections.load(SeqCst), 5);
}
