//! Calls that went well whatever the circuit remembers: the gateway counts them without asking this component.

use std::ops::RangeInclusive;

use witgate_plugin::gates::Quiet;

use crate::{settings::Prepared, weights::Weights};

/// What a response can have.
const STATUSES: RangeInclusive<u16> = 100..=999;
/// A code that has no name counts as another, and is left to the judgement.
const GRPC_STATUSES: RangeInclusive<u32> = 0..=16;

/// What the judgement calls a success, and not slow. Notes need no care: of a call that has some the judgement hears
/// always.
pub(crate) fn quiet(settings: &Prepared) -> Quiet {
    let weights = &settings.weights;
    let codes = GRPC_STATUSES.filter(|code| weights.of_grpc(*code) == 0);
    Quiet {
        statuses: statuses(weights),
        grpc_statuses: codes.collect(),
        // What the gateway cuts off of a millisecond makes fewer calls quiet.
        time_to_head: settings.slow,
    }
}

/// Those that weigh nothing, as ranges.
fn statuses(weights: &Weights) -> Vec<RangeInclusive<u16>> {
    let mut ranges = Vec::<RangeInclusive<u16>>::new();
    for status in STATUSES.filter(|status| weights.of_status(*status) == 0) {
        match ranges.last_mut() {
            Some(range) if *range.end() + 1 == status => *range = *range.start()..=status,
            _ => ranges.push(status..=status),
        }
    }
    ranges
}
