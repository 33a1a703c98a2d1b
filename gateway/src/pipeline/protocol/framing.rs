//! Requests with both `content-length` and `transfer-encoding` (RFC 9112 section 6.3).
//!
//! hyper reads such a request as chunked, drops its length and closes the connection behind it, which is safe but
//! leaves nothing to see. A peer that sends both is confused or hostile, so we answer 400: the two names are looked
//! for in the head's bytes as they come in. A head that was pipelined behind another request is not looked at, and
//! gets what hyper makes of it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU8, Ordering::Relaxed},
};

/// Longer than a name with what stands around it: so much of an unfinished line is kept for the next read.
const OVERLAP: usize = 64;

const TRANSFER_ENCODING: u8 = 1;
const CONTENT_LENGTH: u8 = 2;
/// A line of the head has been read: an empty one would end it.
const BEGUN: u8 = 4;
/// All of it has; what follows is body.
const DONE: u8 = 8;
/// The last read ended within a line.
const CUT: u8 = 16;

/// Which of the two names the head of one request has.
#[derive(Debug, Default)]
pub struct Framing {
    seen: AtomicU8,
    /// The unfinished line at the end of the last read. Locked by nobody else; the connection must be `Send` all
    /// the same.
    line: Mutex<Vec<u8>>,
}

impl Framing {
    /// Looks through what was read, up to the end of the head.
    pub fn read(&self, read: &[u8]) {
        let seen = self.seen.load(Relaxed);
        if seen & DONE != 0 {
            return;
        }
        let seen = if seen & CUT == 0 {
            // Nearly every head comes in one piece.
            self.keep(look(seen, read))
        } else {
            let mut line = std::mem::take(&mut *self.line());
            line.extend_from_slice(read);
            self.keep(look(seen & !CUT, &line))
        };
        self.seen.store(seen, Relaxed);
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

    fn keep(&self, (seen, line): (u8, &[u8])) -> u8 {
        if line.is_empty() {
            return seen;
        }
        let mut kept = self.line();
        kept.clear();
        kept.extend_from_slice(&line[..line.len().min(OVERLAP)]);
        seen | CUT
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known after these lines, and the last one if it has not ended. Lines may end without CR, and empty ones
/// may come before the first (RFC 9112 section 2.2).
fn look(mut seen: u8, mut bytes: &[u8]) -> (u8, &[u8]) {
    while let Some(at) = memchr::memchr(b'\n', bytes) {
        let (line, rest) = bytes.split_at(at + 1);
        bytes = rest;
        match line {
            [b'\r', b'\n'] | [b'\n'] if seen & BEGUN != 0 => return (seen | DONE, &[]),
            [b'\r', b'\n'] | [b'\n'] => continue,
            [b't' | b'T', ..] if has_name(line, b"transfer-encoding") => seen |= TRANSFER_ENCODING,
            [b'c' | b'C', ..] if has_name(line, b"content-length") => seen |= CONTENT_LENGTH,
            _ => {}
        }
        seen |= BEGUN;
    }
    (seen, bytes)
}

/// Whether a line is a field of this name.
fn has_name(line: &[u8], name: &[u8]) -> bool {
    let (Some(start), Some(rest)) = (line.get(..name.len()), line.get(name.len()..)) else {
        return false;
    };
    start.eq_ignore_ascii_case(name) && rest.trim_ascii_start().first() == Some(&b':')
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
