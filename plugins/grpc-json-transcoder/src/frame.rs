//! Length-prefixed messages (gRPC over HTTP/2: one byte of flags, four of length, big endian).

use prost::Message as _;
use prost_reflect::DynamicMessage;

use crate::{code::Code, status::Status};

/// Bytes before each message.
pub(crate) const PREFIX: usize = 5;

/// Appends one message with its prefix.
pub(crate) fn append(message: &DynamicMessage, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + PREFIX, 0);
    // Not `encode`, which goes through the whole message once more to see whether there is room.
    message.encode_raw(out);
    let length = u32::try_from(out.len() - start - PREFIX).unwrap_or(u32::MAX);
    out[start + 1..start + PREFIX].copy_from_slice(&length.to_be_bytes());
}

/// Writes the length into the prefix, for which there is room at the beginning.
pub(crate) fn complete(framed: &mut [u8]) {
    let length = framed.len().saturating_sub(PREFIX);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if let Some(prefix) = framed.get_mut(1..PREFIX) {
        prefix.copy_from_slice(&length.to_be_bytes());
    }
}

/// What is wrong with the frames of an upstream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    Compressed,
    TooLarge { length: u64, limit: u64 },
    IncompletePrefix,
    Incomplete { expected: u64, actual: u64 },
    Missing,
    Several,
}

impl FrameError {
    pub(crate) fn status(&self) -> Status {
        let (code, message) = match self {
            Self::Compressed => (
                Code::Internal,
                String::from("the upstream compressed a message, though asked for identity"),
            ),
            Self::TooLarge { length, limit } => (
                Code::ResourceExhausted,
                format!(
                    "a message of {length} bytes from the upstream is over the limit of {limit} \
                     (limits.response-message)"
                ),
            ),
            Self::IncompletePrefix => (
                Code::Internal,
                String::from("Incomplete gRPC frame header received"),
            ),
            Self::Incomplete { expected, actual } => (
                Code::Internal,
                format!("Incomplete gRPC frame expected size: {expected} actual size: {actual}"),
            ),
            Self::Missing => (
                Code::Internal,
                String::from("the upstream ended the call without a message"),
            ),
            Self::Several => (
                Code::Internal,
                String::from("the upstream sent several messages for a unary call"),
            ),
        };
        // The upstream is to blame: 502, but for what this side's own limits refuse.
        let status = if code == Code::Internal { 502 } else { 500 };
        Status::new(code, message).with_http_status(status)
    }
}

/// The length of the message that begins here; none if the prefix is not all there. Checked before anything is
/// allocated for it.
fn length(bytes: &[u8], limit: u64) -> Result<Option<usize>, FrameError> {
    let [flags, a, b, c, d, ..] = *bytes else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    if u64::from(length) > limit {
        let length = length.into();
        return Err(FrameError::TooLarge { length, limit });
    }
    if flags != 0 {
        return Err(FrameError::Compressed);
    }
    Ok(usize::try_from(length).ok())
}

/// The one message of a unary answer.
pub(crate) fn single(body: &[u8], limit: u64) -> Result<&[u8], FrameError> {
    if body.is_empty() {
        return Err(FrameError::Missing);
    }
    let length = length(body, limit)?.ok_or(FrameError::IncompletePrefix)?;
    let rest = &body[PREFIX..];
    match rest.len() {
        found if found == length => Ok(rest),
        found if found > length => Err(FrameError::Several),
        found => Err(FrameError::Incomplete {
            expected: length as u64,
            actual: found as u64,
        }),
    }
}

/// Cuts a stream into messages, whatever its pieces are.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// What has not been a whole message yet.
    rest: Vec<u8>,
}

impl Frames {
    /// With what was left of an earlier piece.
    pub(crate) fn begin(rest: &[u8]) -> Self {
        Self {
            rest: rest.to_vec(),
        }
    }

    /// What has not been a whole message yet.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// Hands each message that is complete now to `take`; keeps what is left.
    pub(crate) fn feed<E: From<FrameError>>(
        &mut self,
        piece: &[u8],
        limit: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.rest.is_empty() {
            let consumed = cut(piece, limit, &mut take)?;
            self.rest.extend_from_slice(&piece[consumed..]);
            return Ok(());
        }
        self.rest.extend_from_slice(piece);
        let consumed = cut(&self.rest, limit, &mut take)?;
        self.rest.drain(..consumed);
        Ok(())
    }

    /// The stream is over: nothing may be left.
    pub(crate) fn end(&self) -> Result<(), FrameError> {
        let [_, a, b, c, d, message @ ..] = self.rest.as_slice() else {
            return if self.rest.is_empty() {
                Ok(())
            } else {
                Err(FrameError::IncompletePrefix)
            };
        };
        Err(FrameError::Incomplete {
            expected: u32::from_be_bytes([*a, *b, *c, *d]).into(),
            actual: message.len() as u64,
        })
    }

    /// How long the message is that has begun, as far as that is known.
    pub(crate) fn announced(&self, limit: u64) -> Option<usize> {
        length(&self.rest, limit).ok().flatten()
    }
}

/// Hands over the messages at the beginning; how many bytes those were.
fn cut<E: From<FrameError>>(
    bytes: &[u8],
    limit: u64,
    take: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<usize, E> {
    let mut at = 0;
    while let Some(length) = length(&bytes[at..], limit)? {
        let end = at + PREFIX + length;
        let Some(message) = bytes.get(at + PREFIX..end) else {
            break;
        };
        take(message)?;
        at = end;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], &length[..], message].concat()
    }

    fn feed(frames: &mut Frames, piece: &[u8]) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        frames
            .feed::<FrameError>(piece, 10, |message| {
                messages.push(message.to_vec());
                Ok(())
            })
            .unwrap();
        messages
    }

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let stream = [frame(b"one"), frame(b""), frame(b"three")].concat();
        for size in 1..=stream.len() {
            let mut frames = Frames::default();
            let mut messages = Vec::new();
            for piece in stream.chunks(size) {
                messages.extend(feed(&mut frames, piece));
            }
            assert_eq!(messages, [&b"one"[..], b"", b"three"], "pieces of {size}");
            assert_eq!(frames.end(), Ok(()));
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let mut frames = Frames::default();
        feed(&mut frames, b"\0\0\0");
        assert_eq!(frames.end(), Err(FrameError::IncompletePrefix));
        feed(&mut frames, b"\0\x05a");
        let (expected, actual) = (5, 1);
        assert_eq!(
            frames.end(),
            Err(FrameError::Incomplete { expected, actual })
        );
        assert_eq!(single(b"\0\0\0", 10), Err(FrameError::IncompletePrefix));
        assert_eq!(
            single(b"\0\0\0\0\x05a", 10),
            Err(FrameError::Incomplete { expected, actual })
        );
        assert_eq!(single(b"", 10), Err(FrameError::Missing));
        assert_eq!(
            single(&[frame(b"a"), frame(b"b")].concat(), 10),
            Err(FrameError::Several)
        );
        assert_eq!(single(&frame(b"a"), 10), Ok(&b"a"[..]));
    }

    #[test]
    fn a_length_is_judged_before_its_message_arrives() {
        let mut frames = Frames::default();
        let result = frames.feed::<FrameError>(b"\0\xFF\xFF\xFF\xFF", 10, |_| Ok(()));
        let length = u64::from(u32::MAX);
        assert_eq!(result, Err(FrameError::TooLarge { length, limit: 10 }));
        let result = frames.feed::<FrameError>(b"\x01\0\0\0\x01a", 10, |_| Ok(()));
        assert_eq!(result, Err(FrameError::Compressed));
    }
}
