//! The encoding of Protocol Buffers, piece by piece.

use super::{Irregular, Result};

/// Wire types.
pub(super) const VARINT: u8 = 0;
pub(super) const FIXED64: u8 = 1;
pub(super) const LENGTH: u8 = 2;
pub(super) const FIXED32: u8 = 5;

/// What has not been read yet.
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl<'b> Bytes<'b> {
    /// Number and wire type of the next field; none at the end.
    pub(super) fn key(&mut self) -> Result<Option<(u32, u8)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.varint()?).map_err(|_| Irregular)?;
        let number = key >> 3;
        if number == 0 {
            return Err(Irregular);
        }
        // Three bits.
        #[allow(clippy::cast_possible_truncation)]
        let wire = (key & 7) as u8;
        Ok(Some((number, wire)))
    }

    pub(super) fn varint(&mut self) -> Result<u64> {
        if let [byte @ 0..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok((*byte).into());
        }
        let mut value = 0;
        for (index, byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                if index == 9 && *byte > 1 {
                    break;
                }
                self.0 = &self.0[index + 1..];
                return Ok(value);
            }
        }
        Err(Irregular)
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (value, rest) = self.0.split_first_chunk().ok_or(Irregular)?;
        self.0 = rest;
        Ok(*value)
    }

    pub(super) fn length_delimited(&mut self) -> Result<&'b [u8]> {
        let length = usize::try_from(self.varint()?).map_err(|_| Irregular)?;
        let (value, rest) = self.0.split_at_checked(length).ok_or(Irregular)?;
        self.0 = rest;
        Ok(value)
    }

    /// A value of a field that is not known.
    pub(super) fn skip(&mut self, wire: u8) -> Result {
        match wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed::<8>().map(drop),
            LENGTH => self.length_delimited().map(drop),
            FIXED32 => self.fixed::<4>().map(drop),
            _ => Err(Irregular),
        }
    }
}

/// What `sint32` and `sint64` stand for.
pub(super) fn zigzag(value: u64) -> i64 {
    // Both halves have 63 bits.
    #[allow(clippy::cast_possible_wrap)]
    let (half, sign) = ((value >> 1) as i64, (value & 1) as i64);
    half ^ -sign
}
