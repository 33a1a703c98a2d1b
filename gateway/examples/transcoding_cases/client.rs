//! One request over HTTP/1.1, byte by byte as the case has it, and its whole response.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{case::Case, expand, upstream::Upstream};

const PATIENCE: Duration = Duration::from_secs(20);
/// How long a piece of a body is waited for before the next is sent all the same.
const PIECE: Duration = Duration::from_millis(500);

/// A whole response.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection ended before the response did.
    pub(crate) cut: bool,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {}", self.text()))
    }
}

/// What is sent.
pub(crate) struct Sent<'s> {
    pub(crate) host: &'s str,
    pub(crate) method: &'s str,
    pub(crate) path: &'s str,
    pub(crate) case: &'s Case,
    /// The case's name, for the upstream.
    pub(crate) name: &'s str,
}

pub(crate) async fn exchange(
    address: SocketAddr,
    sent: Sent<'_>,
    upstream: &Upstream,
) -> anyhow::Result<Answer> {
    let whole = tokio::time::timeout(PATIENCE, async {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        send(&mut stream, &sent, upstream).await?;
        let mut received = Vec::new();
        // A reset after the response is as good as an end.
        let _ = stream.read_to_end(&mut received).await;
        anyhow::Ok(received)
    });
    let received = whole.await.context("no response in time")??;
    parse(&received, sent.method == "HEAD")
}

async fn send(stream: &mut TcpStream, sent: &Sent<'_>, upstream: &Upstream) -> anyhow::Result<()> {
    let Sent {
        host,
        method,
        path,
        case,
        name,
    } = sent;
    let mut pieces = expand::body(&case.request["body"])?;
    if case.options.get("chunking").is_some() {
        pieces = pieces.concat().iter().map(|byte| vec![*byte]).collect();
    }
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nx-case: {name}\r\n"
    );
    for (field, value) in case.request["headers"].as_object().into_iter().flatten() {
        // This connection is no other than what is tested.
        if !field.eq_ignore_ascii_case("connection") {
            head.push_str(&format!(
                "{field}: {}\r\n",
                value.as_str().unwrap_or_default()
            ));
        }
    }
    match pieces.as_slice() {
        [] => head.push_str("\r\n"),
        [whole] => head.push_str(&format!("content-length: {}\r\n\r\n", whole.len())),
        _ => head.push_str("transfer-encoding: chunked\r\n\r\n"),
    }
    stream.write_all(head.as_bytes()).await?;
    if let [whole] = pieces.as_slice() {
        stream.write_all(whole).await?;
        return Ok(());
    }
    if pieces.is_empty() {
        return Ok(());
    }
    let one_by_one = case.request["body"].is_object();
    for (index, piece) in pieces.iter().enumerate() {
        let framed = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        stream.write_all(&framed).await?;
        if one_by_one {
            // So that each piece stays one: it has arrived when the next is sent.
            let arrived = upstream.received(name, index + 1);
            let _ = tokio::time::timeout(PIECE, arrived).await;
        }
    }
    stream.write_all(b"0\r\n\r\n").await?;
    Ok(())
}

fn parse(received: &[u8], no_body: bool) -> anyhow::Result<Answer> {
    let mut rest = received;
    loop {
        let end = find(rest, b"\r\n\r\n").context("the connection ended before the response")?;
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 4..];
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status: u16 = status
            .and_then(|text| text.parse().ok())
            .context("no status")?;
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let fields = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        let mut answer = Answer {
            status,
            fields: fields.collect(),
            ..Answer::default()
        };
        if !no_body {
            body(rest, &mut answer)?;
        }
        return Ok(answer);
    }
}

fn body(rest: &[u8], answer: &mut Answer) -> anyhow::Result<()> {
    if answer
        .field("transfer-encoding")
        .is_some_and(|coding| coding.contains("chunked"))
    {
        return chunks(rest, answer);
    }
    let length = answer
        .field("content-length")
        .and_then(|length| length.parse::<usize>().ok());
    answer.cut = length.is_some_and(|length| rest.len() < length);
    answer.body = rest.to_vec();
    Ok(())
}

fn chunks(mut rest: &[u8], answer: &mut Answer) -> anyhow::Result<()> {
    loop {
        let Some(end) = find(rest, b"\r\n") else {
            answer.cut = true;
            return Ok(());
        };
        let size = std::str::from_utf8(&rest[..end])?
            .split(';')
            .next()
            .unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16)?;
        rest = &rest[end + 2..];
        if size == 0 {
            break;
        }
        if rest.len() < size + 2 {
            answer.cut = true;
            return Ok(());
        }
        answer.body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
    for line in String::from_utf8_lossy(rest).split("\r\n") {
        if let Some((name, value)) = line.split_once(':') {
            let name = format!("trailer {}", name.to_ascii_lowercase());
            answer.fields.push((name, value.trim().to_owned()));
        }
    }
    if find(rest, b"\r\n").is_none() {
        bail!("the last chunk has no end");
    }
    Ok(())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
