//! Where a cell stands, in two words that workers read without a lock.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::window::Era;

/// A day, in milliseconds.
pub const LONGEST: u64 = 86_400_000;
/// Probes at once.
pub const MOST_PROBES: u32 = 1000;

/// Where a cell can be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Closed,
    /// Half-open once the time is over.
    Open {
        /// Milliseconds.
        during: u64,
        probes: u32,
    },
    Ramp {
        /// Percent.
        from: u8,
        /// Milliseconds.
        over: u64,
    },
}

/// What an operator holds a cell to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    Open,
    Closed,
}

/// What the words say at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) version: u64,
    /// Milliseconds on the gates' clock.
    pub(super) since: u64,
    pub(super) position: Position,
    pub(super) held: Option<Hold>,
}

impl Standing {
    pub(super) fn era(&self) -> Era {
        let &Self { version, since, .. } = self;
        Era { version, since }
    }
}

/// The first word: 36 bits of the time, 24 of the version, 2 of who holds it, 2 of the kind. Where nothing is to be
/// looked at more closely, the last four are 0.
const TIME_BITS: u32 = 36;
const VERSION_BITS: u32 = 24;
const CLOSER_LOOK: u64 = 0b1111;

/// The second words: what goes with the position, by the last bit of the version.
#[derive(Debug, Default)]
pub(super) struct Words {
    first: AtomicU64,
    details: [AtomicU64; 2],
}

/// The version of a cell that every exchange passes.
pub(super) const fn passes_all(word: u64) -> Option<u64> {
    if word & CLOSER_LOOK == 0 {
        Some(version(word))
    } else {
        None
    }
}

/// The era of a cell, from its first word.
pub(super) const fn era(word: u64) -> Era {
    Era {
        version: version(word),
        since: since(word),
    }
}

const fn since(word: u64) -> u64 {
    word >> (VERSION_BITS + 4)
}

const fn version(word: u64) -> u64 {
    (word >> 4) & ((1 << VERSION_BITS) - 1)
}

/// Versions come round again after sixteen million.
pub(super) const fn following(version: u64) -> u64 {
    (version + 1) & ((1 << VERSION_BITS) - 1)
}

impl Words {
    pub(super) fn new(standing: Standing) -> Self {
        let words = Self::default();
        words.set(standing);
        words
    }

    pub(super) fn first(&self) -> u64 {
        self.first.load(SeqCst)
    }

    pub(super) fn get(&self) -> Standing {
        let mut word = self.first();
        loop {
            let version = version(word);
            let details = self.details[(version & 1) as usize].load(SeqCst);
            // Those of a version are written before it is seen, and again two versions later.
            let again = self.first();
            if again == word {
                return read(word, details);
            }
            word = again;
        }
    }

    /// Under the lock of those who move the cell.
    pub(super) fn set(&self, standing: Standing) {
        let (word, details) = write(standing);
        self.details[(standing.version & 1) as usize].store(details, SeqCst);
        self.first.store(word, SeqCst);
    }

    /// Makes a ramp that is over what it amounts to. True for the one who did it.
    pub(super) fn settle(&self, ramp: Standing) -> bool {
        let (word, _) = write(ramp);
        let (closed, _) = write(Standing {
            position: Position::Closed,
            ..ramp
        });
        self.first
            .compare_exchange(word, closed, SeqCst, SeqCst)
            .is_ok()
    }
}

fn write(standing: Standing) -> (u64, u64) {
    let (kind, details) = match standing.position {
        Position::Closed => (0, 0),
        Position::Open { during, probes } => (1, (during << 10) | u64::from(probes)),
        Position::Ramp { from, over } => (2, (over << 10) | u64::from(from)),
    };
    let held = match standing.held {
        None => 0,
        Some(Hold::Open) => 1,
        Some(Hold::Closed) => 2,
    };
    let time = standing.since & ((1 << TIME_BITS) - 1);
    let word = (time << (VERSION_BITS + 4)) | (standing.version << 4) | (held << 2) | kind;
    (word, details)
}

fn read(word: u64, details: u64) -> Standing {
    // 10 bits and 7.
    let (long, short) = (details >> 10, details & 0x3FF);
    Standing {
        version: version(word),
        since: since(word),
        position: match word & 0b11 {
            1 => Position::Open {
                during: long,
                probes: short as u32,
            },
            2 => Position::Ramp {
                from: short as u8,
                over: long,
            },
            _ => Position::Closed,
        },
        held: match (word >> 2) & 0b11 {
            1 => Some(Hold::Open),
            2 => Some(Hold::Closed),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let positions = [
            Position::Closed,
            Position::Open {
                during: LONGEST,
                probes: MOST_PROBES,
            },
            Position::Ramp {
                from: 100,
                over: LONGEST,
            },
        ];
        for position in positions {
            for held in [None, Some(Hold::Open), Some(Hold::Closed)] {
                let standing = Standing {
                    version: following(0xFF_FFFE),
                    since: (1 << TIME_BITS) - 1,
                    position,
                    held,
                };
                let words = Words::new(standing);
                assert_eq!(words.get(), standing);
                let passes = (position, held) == (Position::Closed, None);
                assert_eq!(passes_all(words.first()).is_some(), passes);
            }
        }
        assert_eq!(following(0xFF_FFFF), 0);
    }

    #[test]
    fn a_ramp_is_settled_once() {
        let ramp = Standing {
            version: 3,
            since: 5,
            position: Position::Ramp { from: 1, over: 10 },
            held: None,
        };
        let words = Words::new(ramp);
        assert!(words.settle(ramp) && !words.settle(ramp));
        assert_eq!(passes_all(words.first()), Some(3));
    }
}
