//! Which outcomes are plain successes: the gateway may count those by itself, without the plugin.

use std::{ops::RangeInclusive, time::Duration};

use super::LONGEST;

/// The statuses that a response can have.
const STATUSES: RangeInclusive<u16> = 100..=999;
/// So many tell any set of statuses.
const MOST_RANGES: usize = 450;
/// The highest gRPC status that has a name.
const LAST_GRPC: u32 = 16;
/// Words with a bit for each status.
const WORDS: usize = 900_usize.div_ceil(64);

/// Plain successes.
#[derive(Clone, Debug)]
pub struct Quiet {
    /// Until the response's head.
    within: Option<Duration>,
    /// A bit for each gRPC status.
    grpc: u32,
    /// From the lowest status on.
    statuses: [u64; WORDS],
}

/// They are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuietError {
    #[error("`quiet` has at most {MOST_RANGES} ranges of statuses, not {0}")]
    Ranges(usize),
    #[error("{0} to {1} is no range of statuses; write 100 to 999, the lower one first")]
    Range(u16, u16),
    #[error("{0} is no gRPC status that can be quiet; write 0 to {LAST_GRPC}, each once")]
    Grpc(u32),
    #[error(
        "`time-to-head` of `quiet` is 1 to {LONGEST} milliseconds, not {0}; leave it out for any"
    )]
    Time(u64),
}

impl Quiet {
    /// The ranges include both of their ends; the time is in milliseconds.
    ///
    /// # Errors
    /// When something is out of its range, or there is too much of it.
    pub fn new(
        ranges: &[(u16, u16)],
        grpc: &[u32],
        within: Option<u64>,
    ) -> Result<Self, QuietError> {
        if ranges.len() > MOST_RANGES {
            return Err(QuietError::Ranges(ranges.len()));
        }
        let mut quiet = Self {
            within: within.map(Duration::from_millis),
            grpc: 0,
            statuses: [0; WORDS],
        };
        for &(first, last) in ranges {
            if first > last || !STATUSES.contains(&first) || !STATUSES.contains(&last) {
                return Err(QuietError::Range(first, last));
            }
            for (word, bit) in (first..=last).filter_map(place) {
                quiet.statuses[word] |= bit;
            }
        }
        for &code in grpc {
            if code > LAST_GRPC || quiet.grpc & (1 << code) != 0 {
                return Err(QuietError::Grpc(code));
            }
            quiet.grpc |= 1 << code;
        }
        match within.filter(|within| !(1..=LONGEST).contains(within)) {
            Some(within) => Err(QuietError::Time(within)),
            None => Ok(quiet),
        }
    }

    /// Whether a whole answer is one of them. A gRPC call is judged by its own status.
    #[inline]
    pub fn has(&self, status: Option<u16>, grpc: Option<u8>, time: Option<Duration>) -> bool {
        let is_quiet = match grpc {
            Some(code) => self.grpc.checked_shr(code.into()).unwrap_or(0) & 1 == 1,
            None => status
                .and_then(place)
                .is_some_and(|(word, bit)| self.statuses[word] & bit != 0),
        };
        let in_time = |within: Duration| time.is_some_and(|time| time <= within);
        is_quiet && self.within.is_none_or(in_time)
    }
}

fn place(status: u16) -> Option<(usize, u64)> {
    let number = usize::from(status.checked_sub(*STATUSES.start())?);
    let is_one = STATUSES.contains(&status);
    is_one.then_some((number / 64, 1 << (number % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_both_of_their_ends() {
        let quiet = Quiet::new(&[(100, 199), (300, 300), (700, 999)], &[], None).unwrap();
        for status in 0..=u16::MAX {
            let expected = matches!(status, 100..=199 | 300 | 700..=999);
            assert_eq!(quiet.has(Some(status), None, None), expected, "{status}");
        }
        assert!(!quiet.has(None, None, None));
    }

    #[test]
    fn a_grpc_call_is_judged_by_its_own_status() {
        let quiet = Quiet::new(&[(200, 200)], &[0, 5, 16], None).unwrap();
        for code in 0..=u8::MAX {
            let expected = matches!(code, 0 | 5 | 16);
            assert_eq!(quiet.has(Some(200), Some(code), None), expected, "{code}");
            assert_eq!(quiet.has(Some(500), Some(code), None), expected, "{code}");
        }
    }

    #[test]
    fn who_is_late_or_whose_time_nobody_knows_is_not_quiet() {
        let quiet = Quiet::new(&[(200, 200)], &[0], Some(800)).unwrap();
        let ends = |nanos| quiet.has(Some(200), None, Some(Duration::from_nanos(nanos)));
        assert!(ends(0) && ends(800_000_000) && !ends(800_000_001));
        assert!(!quiet.has(Some(200), None, None) && !quiet.has(Some(200), Some(0), None));
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let error = |ranges: &[(u16, u16)], grpc: &[u32], within| {
            Quiet::new(ranges, grpc, within).unwrap_err()
        };
        for (first, last) in [(99, 200), (200, 199), (200, 1000), (0, 0)] {
            let expected = QuietError::Range(first, last);
            assert_eq!(error(&[(first, last)], &[], None), expected);
        }
        assert_eq!(
            error(&[(200, 200); 451], &[], None),
            QuietError::Ranges(451)
        );
        assert_eq!(error(&[], &[0, 17], None), QuietError::Grpc(17));
        assert_eq!(error(&[], &[5, 5], None), QuietError::Grpc(5));
        for within in [0, LONGEST + 1] {
            assert_eq!(error(&[], &[], Some(within)), QuietError::Time(within));
        }
        Quiet::new(&[(200, 200); 450], &[0], Some(LONGEST)).unwrap();
    }
}
