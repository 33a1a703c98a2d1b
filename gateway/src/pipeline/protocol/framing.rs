//! Requests with both `content-length` and `transfer-encoding` (RFC 9112 section 6.3).
//!
//! hyper reads such a request as chunked, drops its length and closes the connection behind it, which is safe but
//! leaves nothing to see. A peer that sends both is confused or hostile, so we answer 400: the two names are looked
//! for in the head's bytes as they come in. A head that was pipelined behind another request is not looked at, and
//! gets what hyper makes of it.

use std::sync::{
    LazyLock, Mutex, PoisonError,
    atomic::{AtomicU8, Ordering::Relaxed},
};

use memchr::memmem;
use regex::bytes::Regex;

const END: &[u8] = b"\r\n\r\n";
/// Longer than a name with what must stand around it: so much of a read may belong to the next one.
const OVERLAP: usize = 32;

const TRANSFER_ENCODING: u8 = 1;
const CONTENT_LENGTH: u8 = 2;
/// A part of the head has been read.
const BEGUN: u8 = 4;
/// All of it has; what follows is body.
const DONE: u8 = 8;

static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)\n(?:(transfer-encoding)|content-length)[ \t]*:")
        .expect("the expression is well-formed")
});

/// Which of the two names the head of one request has.
#[derive(Debug, Default)]
pub struct Framing {
    seen: AtomicU8,
    /// Locked by nobody else; the connection must be `Send` all the same.
    tail: Mutex<Vec<u8>>,
}

impl Framing {
    /// Looks through what was read, up to the end of the head.
    pub fn read(&self, read: &[u8]) {
        let seen = self.seen.load(Relaxed);
        if seen & DONE != 0 {
            return;
        }
        let end = memmem::find(read, END);
        let seen = match end {
            // Nearly every head comes in one piece.
            Some(end) if seen & BEGUN == 0 => find(seen, &read[..end]) | DONE,
            _ => self.across(seen, read, end),
        };
        self.seen.store(seen | BEGUN, Relaxed);
    }

    /// Whether the head has both names.
    pub fn saw_both(&self) -> bool {
        const BOTH: u8 = TRANSFER_ENCODING | CONTENT_LENGTH;
        self.seen.load(Relaxed) & BOTH == BOTH
    }

    /// The next request begins.
    pub fn reset(&self) {
        self.seen.store(0, Relaxed);
    }

    /// A head in pieces: looks where two of them meet, then in the new one, and keeps its end for the next.
    fn across(&self, seen: u8, read: &[u8], end: Option<usize>) -> u8 {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        if seen & BEGUN == 0 {
            tail.clear();
        }
        tail.extend_from_slice(&read[..read.len().min(OVERLAP)]);
        if let Some(end) = memmem::find(&tail, END) {
            return find(seen, &tail[..end]) | DONE;
        }
        let seen = find(seen, &tail);
        if read.len() > OVERLAP {
            tail.clear();
            tail.extend_from_slice(&read[read.len() - OVERLAP..]);
        }
        let surplus = tail.len().saturating_sub(OVERLAP);
        tail.drain(..surplus);
        match end {
            Some(end) => find(seen, &read[..end]) | DONE,
            None => find(seen, read),
        }
    }
}

fn find(seen: u8, bytes: &[u8]) -> u8 {
    NAMES.captures_iter(bytes).fold(seen, |seen, name| {
        seen | if name.get(1).is_some() {
            TRANSFER_ENCODING
        } else {
            CONTENT_LENGTH
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[u8] = b"POST / HTTP/1.1\r\nHost: a.example.com\r\nContent-LENGTH: 4\r\n\
        Accept: text/plain, text/html;q=0.5\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n";

    #[test]
    fn both_names_are_seen_however_they_are_cut() {
        for cut in 0..BOTH.len() {
            let framing = Framing::default();
            framing.read(&BOTH[..cut]);
            framing.read(&BOTH[cut..]);
            assert!(framing.saw_both(), "cut at {cut}");
            framing.reset();
            assert!(!framing.saw_both());
        }
        for size in 1..40 {
            let framing = Framing::default();
            BOTH.chunks(size).for_each(|piece| framing.read(piece));
            assert!(framing.saw_both(), "in pieces of {size}");
        }
    }

    #[test]
    fn one_name_is_fine_and_so_is_what_a_body_says() {
        let head = b"POST / HTTP/1.1\r\nx-content-length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = b"1f\r\n\r\nContent-Length: 4\r\n\r\nabcd\r\n0\r\n\r\n";
        let whole = [&head[..], body].concat();
        for size in 1..whole.len() {
            let framing = Framing::default();
            whole.chunks(size).for_each(|piece| framing.read(piece));
            assert!(!framing.saw_both(), "in pieces of {size}");
        }
    }
}
