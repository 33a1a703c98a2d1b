//! HTTP/2 frame by frame (RFC 9113), for clients that keep to no rule.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::soon;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;

/// A frame as it is sent.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The header block of a GET.
pub(crate) fn get(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "flood.test"),
        (":path", path),
    ] {
        field(&mut block, name, value);
    }
    block
}

/// Appends a literal that is not indexed (RFC 7541 section 6.2.2).
pub(crate) fn field(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    text(block, name);
    text(block, value);
}

/// Appends a literal that joins the table of the connection, first of all fields in it (RFC 7541 section 6.2.1).
pub(crate) fn indexed_field(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0x40);
    text(block, name);
    text(block, value);
}

/// Names the field that joined the table last.
pub(crate) const NEWEST_FIELD: u8 = 0x80 | 62;

/// A string without Huffman coding; its length after RFC 7541 section 5.1.
fn text(block: &mut Vec<u8>, text: &str) {
    match text.len().checked_sub(127) {
        None => block.push(u8::try_from(text.len()).unwrap()),
        Some(mut rest) => {
            block.push(127);
            while rest >= 128 {
                block.push(0x80 | (rest % 128) as u8);
                rest /= 128;
            }
            block.push(rest as u8);
        }
    }
    block.extend_from_slice(text.as_bytes());
}

/// A frame as it was received.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Why, in an RST_STREAM or a GOAWAY.
    pub(crate) fn reason(&self) -> u32 {
        // In a GOAWAY, the last stream that counted comes first.
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

pub(crate) struct Reader(OwnedReadHalf);

pub(crate) struct Writer(OwnedWriteHalf);

/// A connection that has sent its preface, with no more settings than an empty frame.
pub(crate) async fn connect(address: SocketAddr) -> (Reader, Writer) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (reader, writer) = stream.into_split();
    let mut writer = Writer(writer);
    writer
        .send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    writer.send(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    (Reader(reader), writer)
}

impl Writer {
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }
}

impl Reader {
    /// The next frame; none when the connection is closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind: head[3],
            stream: u32::from_be_bytes(head[5..].try_into().unwrap()) & 0x7fff_ffff,
            payload,
        })
    }

    /// The next frame of a kind; the connection must last until it comes.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Frame {
        soon("a frame", async {
            loop {
                let frame = self.next().await.expect("the connection lasts");
                if frame.kind == kind {
                    return frame;
                }
            }
        })
        .await
    }
}
