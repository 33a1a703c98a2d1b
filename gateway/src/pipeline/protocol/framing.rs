//! Requests with both `content-length` and `transfer-encoding` (RFC 9112 section 6.3).
//!
//! hyper reads such a request as chunked and drops its length, which is right but leaves nothing to see; a peer
//! that sends both is confused or hostile, so we answer 400. The two names are looked for in the bytes as they
//! come in; a request counts only if it is chunked in hyper's eyes too. A client that pipelines one request of
//! each kind within one read is taken for the same.

use std::sync::{
    LazyLock,
    atomic::{AtomicU8, Ordering::Relaxed},
};

use regex::bytes::Regex;

/// Longer than both names together with a line break: so much of a read may belong to the next one.
const OVERLAP: usize = 20;
const TRANSFER_ENCODING: u8 = 1;
const CONTENT_LENGTH: u8 = 2;
/// The last read ended in the middle of something.
const SPLIT: u8 = 4;

static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)\n(?:(transfer-encoding)|content-length)[ \t]*:")
        .expect("the expression is well-formed")
});

/// Which of the two names a connection has sent since it last was asked.
#[derive(Debug, Default)]
pub struct Framing {
    seen: AtomicU8,
    tail: std::sync::Mutex<Vec<u8>>,
}

impl Framing {
    /// Looks through what was read.
    pub fn read(&self, read: &[u8]) {
        let mut seen = self.seen.load(Relaxed);
        if seen & SPLIT != 0 {
            seen = self.across(seen, read);
        }
        seen = find(seen, read);
        // Behind the end of a head begins something new.
        if read.ends_with(b"\r\n\r\n") {
            seen &= !SPLIT;
        } else {
            seen |= SPLIT;
            self.keep(read);
        }
        self.seen.store(seen, Relaxed);
    }

    /// Whether both names came; the next request starts afresh.
    pub fn saw_both(&self) -> bool {
        let seen = self.seen.load(Relaxed);
        self.seen.store(seen & SPLIT, Relaxed);
        seen & (TRANSFER_ENCODING | CONTENT_LENGTH) == TRANSFER_ENCODING | CONTENT_LENGTH
    }

    /// A name may lie across two reads.
    fn across(&self, seen: u8, read: &[u8]) -> u8 {
        let mut tail = self
            .tail
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        tail.extend_from_slice(&read[..read.len().min(OVERLAP)]);
        find(seen, &tail)
    }

    fn keep(&self, read: &[u8]) {
        let mut tail = self
            .tail
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if read.len() >= OVERLAP {
            tail.clear();
        }
        tail.extend_from_slice(&read[read.len().saturating_sub(OVERLAP)..]);
        let surplus = tail.len().saturating_sub(2 * OVERLAP);
        tail.drain(..surplus);
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

    const BOTH: &[u8] =
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-LENGTH: 4\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n";

    #[test]
    fn both_names_are_seen_however_they_are_cut() {
        for cut in 0..BOTH.len() {
            let framing = Framing::default();
            framing.read(&BOTH[..cut]);
            framing.read(&BOTH[cut..]);
            assert!(framing.saw_both(), "cut at {cut}");
            assert!(!framing.saw_both());
        }
        let framing = Framing::default();
        BOTH.chunks(1).for_each(|byte| framing.read(byte));
        assert!(framing.saw_both(), "byte by byte");
    }

    #[test]
    fn one_name_is_fine() {
        let framing = Framing::default();
        framing
            .read(b"POST / HTTP/1.1\r\nx-content-length: 4\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(!framing.saw_both());
    }
}
