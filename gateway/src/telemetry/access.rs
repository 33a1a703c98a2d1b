//! The access log: one JSON object per exchange on standard output.
//!
//! Workers gather lines and hand them over in batches; a writer thread of its own meets a slow pipe.

use std::{
    io::Write,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
};

use serde::Serialize;

/// Batches on their way to standard output before lines are dropped.
const BATCHES: usize = 64;

/// One exchange, as it is logged.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// When the request's head had been read, in seconds since 1970 (UTC).
    pub time: f64,
    pub id: &'a str,
    pub client: std::net::IpAddr,
    pub method: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub protocol: &'static str,
    pub status: u16,
    /// How a gRPC call ended (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_status: Option<u8>,
    /// From the request's head to the end of the response, in milliseconds.
    pub duration_ms: f64,
    pub route: Option<&'a str>,
    pub upstream: Option<&'a str>,
    pub ending: &'static str,
    /// The stable code of the gateway's own answer (docs/errors.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// Why, in words; never shown to clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Who asked, as a policy has established it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'a str>,
    /// The SPIFFE id of the client's certificate, or its distinguished name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<&'a str>,
    /// Of what kind failures and decisions were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<&'a str>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub generation: u64,
}

/// Where workers hand their batches over.
#[derive(Clone, Debug)]
pub struct AccessLog(SyncSender<Vec<u8>>);

impl AccessLog {
    /// Starts the writer thread; it ends when the last handle is gone.
    pub fn start() -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (sender, receiver) = sync_channel(BATCHES);
        let writer = thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write(&receiver))?;
        Ok((Self(sender), writer))
    }

    /// Gives a batch to the writer. False when it was dropped.
    pub fn hand_over(&self, batch: Vec<u8>) -> bool {
        match self.0.try_send(batch) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

fn write(batches: &Receiver<Vec<u8>>) {
    let mut out = std::io::stdout().lock();
    for batch in batches {
        // Nobody is left to be told when standard output is closed.
        let _ = out.write_all(&batch).and_then(|()| out.flush());
    }
}

/// One worker's lines that are not handed over yet.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<u8>,
    count: u64,
}

impl Batch {
    /// Beyond this many bytes a batch should be handed over without waiting for the tick.
    pub const FULL: usize = 32 * 1024;

    pub fn push(&mut self, record: &Record<'_>) {
        if serde_json::to_writer(&mut self.lines, record).is_ok() {
            self.lines.push(b'\n');
            self.count += 1;
        }
    }

    pub fn is_full(&self) -> bool {
        self.lines.len() >= Self::FULL
    }

    /// Hands the lines over; returns how many had to be dropped.
    pub fn flush(&mut self, log: &AccessLog) -> u64 {
        if self.lines.is_empty() {
            return 0;
        }
        let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(Self::FULL));
        let count = std::mem::take(&mut self.count);
        if log.hand_over(lines) { 0 } else { count }
    }
}
