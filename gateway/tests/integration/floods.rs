//! HTTP/2 clients that break rules to exhaust the gateway. It costs them their connection, or they wait; all others,
//! on the same worker, are served as before.

use std::{sync::Arc, time::Duration};

use http::Response;
use tokio::{sync::watch, time::sleep};

use crate::support::{
    client::full,
    eventually,
    frames::{
        self, ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING,
        REFUSED_STREAM, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
    },
    gateway::{Gateway, Setup},
    load::Load,
    soon, upstream,
};

/// One worker, so that nobody else is out of reach.
async fn gateway() -> Gateway {
    let up = upstream::serve(|_| async { Response::new(full("ok")) }).await;
    Setup::proxy_to(up).settings("workers: 1").start().await
}

/// The most that a flood may add to the gateway's memory.
const MOST_GROWTH: u64 = 48 << 20;
/// The least that a flood lasts, unless the gateway ends it.
const FLOOD: Duration = Duration::from_millis(300);

/// How a flood ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The gateway closed the connection.
    Closed,
    /// It took all of it, or as much of it as it wanted.
    Endured,
}

/// Sends pieces for as long as the gateway takes them, and reads what it answers or not, beside clients that must
/// not be harmed.
async fn flood(beginning: Vec<u8>, reads: bool, mut piece: impl FnMut(u32) -> Vec<u8>) -> End {
    let gateway = gateway().await;
    let load = Load::start(gateway.address(), |_| {}).await;
    eventually("the load", || async { load.count() > 100 }).await;
    let (before, answered) = (gateway.resident(), load.count());
    let (mut reader, mut writer) = frames::connect(gateway.address()).await;
    let ended = Arc::new(watch::Sender::new(false));
    let reading = reads.then(|| {
        let ended = Arc::clone(&ended);
        tokio::spawn(async move {
            while let Some(frame) = reader.next().await {
                if frame.kind == GOAWAY && frame.reason() != 0 {
                    break;
                }
            }
            ended.send_replace(true);
        })
    });
    let flood = async {
        writer.send(&beginning).await?;
        for number in 0.. {
            // Many in one packet.
            let pieces = (0..64).flat_map(|more| piece(number * 64 + more));
            writer.send(&pieces.collect::<Vec<_>>()).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    // Others are served beside it, if only more slowly.
    let others = async {
        sleep(FLOOD).await;
        eventually("requests beside the flood", || async {
            load.count() > answered + 20
        })
        .await;
    };
    let mut end = tokio::select! {
        _ = flood => End::Closed,
        () = others => End::Endured,
    };
    if *ended.borrow() {
        end = End::Closed;
    }
    let growth = gateway.resident().saturating_sub(before);
    assert!(growth < MOST_GROWTH, "{growth} bytes more");
    let seen = load.count();
    eventually("requests afterwards", || async { load.count() > seen + 20 }).await;
    load.stop().await;
    if let Some(reading) = reading {
        reading.abort();
    }
    end
}

fn request_on(stream: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &frames::get("/flood"))
}

/// CVE-2023-44487.
#[tokio::test]
async fn requests_that_are_reset_at_once() {
    let piece = |number| {
        let stream = 1 + 2 * number;
        let mut piece = request_on(stream, END_STREAM);
        piece.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
        piece
    };
    assert_eq!(flood(Vec::new(), true, piece).await, End::Closed);
    assert_eq!(flood(Vec::new(), false, piece).await, End::Closed);
}

/// CVE-2025-8671: the client makes the gateway reset its streams.
#[tokio::test]
async fn requests_that_must_be_reset() {
    let piece = |number| {
        let stream = 1 + 2 * number;
        let mut piece = request_on(stream, 0);
        // No window is that wide.
        piece.extend(frame(
            WINDOW_UPDATE,
            0,
            stream,
            &0x7fff_ffff_u32.to_be_bytes(),
        ));
        piece
    };
    assert_eq!(flood(Vec::new(), true, piece).await, End::Closed);
}

#[tokio::test]
async fn pings() {
    let ping = frame(PING, 0, 0, &[7; 8]);
    assert_eq!(
        flood(Vec::new(), true, |_| ping.clone()).await,
        End::Endured
    );
    assert_eq!(
        flood(Vec::new(), false, |_| ping.clone()).await,
        End::Endured
    );
}

#[tokio::test]
async fn settings() {
    // The size of the window of new streams, each time another.
    let piece = |number: u32| {
        let mut setting = vec![0, 4];
        setting.extend_from_slice(&(number % 100_000).to_be_bytes());
        frame(SETTINGS, 0, 0, &setting)
    };
    assert_eq!(flood(Vec::new(), true, piece).await, End::Endured);
    assert_eq!(flood(Vec::new(), false, piece).await, End::Endured);
}

#[tokio::test]
async fn a_body_of_empty_pieces() {
    let beginning = request_on(1, 0);
    let empty = frame(DATA, 0, 1, &[]);
    assert_eq!(flood(beginning, true, |_| empty.clone()).await, End::Closed);
}

#[tokio::test]
async fn a_head_without_an_end() {
    let beginning = frame(HEADERS, 0, 1, &frames::get("/flood"));
    let empty = frame(CONTINUATION, 0, 1, &[]);
    assert_eq!(
        flood(beginning.clone(), true, |_| empty.clone()).await,
        End::Closed
    );
    let full = |number| {
        let mut block = Vec::new();
        frames::field(&mut block, &format!("x-{number}"), &"a".repeat(1000));
        frame(CONTINUATION, 0, 1, &block)
    };
    assert_eq!(flood(beginning, true, full).await, End::Closed);
}

/// A few bytes that name a long field again and again.
#[tokio::test]
async fn a_head_that_grows_as_it_is_read() {
    let piece = |number| {
        let mut block = frames::get("/flood");
        frames::indexed_field(&mut block, "x-bomb", &"a".repeat(3000));
        block.extend(vec![frames::NEWEST_FIELD; 12_000]);
        frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * number, &block)
    };
    assert_eq!(flood(Vec::new(), true, piece).await, End::Closed);
}

/// A client that does not heed what the gateway said of streams is told so, on those streams alone.
#[tokio::test]
async fn streams_beyond_the_limit_are_refused() {
    let open = watch::Sender::new(false);
    let gate = open.subscribe();
    let up = upstream::serve(move |_| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            Response::new(full("ok"))
        }
    })
    .await;
    let gateway = Setup::proxy_to(up)
        .settings("limits: { streams: 4 }")
        .start()
        .await;
    let (mut reader, mut writer) = frames::connect(gateway.address()).await;
    // The limit holds from the acknowledgement of the gateway's settings on.
    reader.next_of(SETTINGS).await;
    writer.send(&frame(SETTINGS, ACK, 0, &[])).await.unwrap();
    let streams = [1, 3, 5, 7, 9, 11, 13];
    for stream in streams {
        writer.send(&request_on(stream, END_STREAM)).await.unwrap();
    }
    for stream in &streams[4..] {
        let reset = reader.next_of(RST_STREAM).await;
        assert_eq!((reset.stream, reset.reason()), (*stream, REFUSED_STREAM));
    }
    open.send_replace(true);
    let mut answered = Vec::new();
    for _ in 0..4 {
        answered.push(reader.next_of(HEADERS).await.stream);
    }
    answered.sort_unstable();
    assert_eq!(answered, streams[..4]);
    writer.send(&request_on(15, END_STREAM)).await.unwrap();
    let answer = soon("an answer", reader.next_of(HEADERS)).await;
    assert_eq!(answer.stream, 15);
}
