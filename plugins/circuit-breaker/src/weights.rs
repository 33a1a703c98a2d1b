//! What counts as a failure, and how much.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use witgate_plugin::{Ending, config::Problem};

use crate::settings::pointer;

/// Of a failure that counts as one. Weights are kept in thousandths, so that sums of them are exact.
pub(crate) const ONE: u32 = 1000;

/// The names of <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>, by number.
const GRPC: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE and DATA_LOSS.
const GRPC_FAILURES: [usize; 5] = [2, 4, 13, 14, 15];

/// A weight for each kind of failure, in thousandths; 0 for what does not count.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    /// Of 100 to 599.
    statuses: Vec<u32>,
    grpc: [u32; 17],
    timeout: u32,
    reset: u32,
    client_gone: u32,
    notes: Vec<(String, u32)>,
}

impl Default for Weights {
    fn default() -> Self {
        let mut statuses = vec![0; 500];
        statuses[400..].fill(ONE);
        let mut grpc = [0; 17];
        for code in GRPC_FAILURES {
            grpc[code] = ONE;
        }
        Self {
            statuses,
            grpc,
            timeout: ONE,
            reset: ONE,
            client_gone: 0,
            notes: vec![(String::from("introspection-failed"), ONE + ONE / 2)],
        }
    }
}

/// How a call ended, as far as that tells whether it failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) ending: Ending,
    pub(crate) status: Option<u16>,
    /// Of a gRPC call that got as far as one.
    pub(crate) grpc: Option<u32>,
    /// Of an answer that the gateway gave itself.
    pub(crate) code: Option<&'a str>,
    pub(crate) notes: &'a [String],
}

/// What a call says about the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    /// With its weight, in thousandths.
    Failure(u32),
    /// The upstream was not asked, or it cannot be told how it would have gone.
    Nothing,
}

impl Weights {
    /// Those that hold by default, and what is written.
    pub(crate) fn new(written: &BTreeMap<String, f64>, problems: &mut Vec<Problem>) -> Self {
        let mut weights = Self::default();
        // A class before the statuses in it, which say more.
        let is_class = |kind: &str| class(kind).is_some();
        let (classes, others): (Vec<_>, Vec<_>) =
            written.iter().partition(|(kind, _)| is_class(kind));
        for (kind, weight) in classes.into_iter().chain(others) {
            let set = thousandths(*weight).and_then(|weight| weights.set(kind, weight));
            if let Err(message) = set {
                problems.push(Problem::at(pointer(&["weights", kind]), message));
            }
        }
        weights
    }

    fn set(&mut self, kind: &str, weight: u32) -> Result<(), String> {
        if let Some(class) = class(kind) {
            self.statuses[class..class + 100].fill(weight);
        } else if kind.starts_with(|first: char| first.is_ascii_digit()) {
            let status = kind.parse::<usize>().ok();
            let place = status.and_then(|status| status.checked_sub(100));
            let slot = place.and_then(|place| self.statuses.get_mut(place));
            *slot.ok_or("this is no status; write 100 to 599, or a class of them, as `5xx`")? =
                weight;
        } else if kind.starts_with(|first: char| first.is_ascii_uppercase()) {
            let code = GRPC.iter().position(|name| *name == kind);
            let code = code.filter(|code| *code > 0).ok_or_else(|| {
                format!(
                    "this is no gRPC status that fails; there are {}",
                    GRPC[1..].join(", ")
                )
            })?;
            self.grpc[code] = weight;
        } else {
            self.set_named(kind, weight)?;
        }
        Ok(())
    }

    fn set_named(&mut self, kind: &str, weight: u32) -> Result<(), String> {
        match kind {
            "timeout" => self.timeout = weight,
            "reset" => self.reset = weight,
            "client-gone" => self.client_gone = weight,
            _ if is_note(kind) => {
                self.notes.retain(|(known, _)| known != kind);
                if weight > 0 {
                    self.notes.push((kind.to_owned(), weight));
                }
            }
            _ => {
                return Err(String::from(
                    "nothing is called so; write a status (`503`, `5xx`), a gRPC status (`UNAVAILABLE`), `timeout`, \
                     `reset`, `client-gone`, or a plugin's note, which has lower-case letters, digits and `-`",
                ));
            }
        }
        Ok(())
    }

    /// Whether any plugin's note counts.
    pub(crate) fn weigh_notes(&self) -> bool {
        !self.notes.is_empty()
    }

    /// Whether any failure counts at all.
    pub(crate) fn weigh_anything(&self) -> bool {
        let statuses = self.statuses.iter().chain(&self.grpc);
        let others = [self.timeout, self.reset, self.client_gone];
        self.weigh_notes() || statuses.chain(&others).any(|weight| *weight > 0)
    }

    /// The weight of a status.
    pub(crate) fn of_status(&self, status: u16) -> u32 {
        let place = usize::from(status).checked_sub(100);
        place
            .and_then(|place| self.statuses.get(place))
            .copied()
            .unwrap_or(0)
    }

    /// The weight of a gRPC status. An unknown one counts as UNKNOWN, as gRPC libraries see it.
    pub(crate) fn of_grpc(&self, code: u32) -> u32 {
        let code = usize::try_from(code).unwrap_or(usize::MAX);
        self.grpc.get(code).copied().unwrap_or(self.grpc[2])
    }

    pub(crate) fn of_note(&self, note: &str) -> u32 {
        let mut notes = self.notes.iter();
        notes
            .find(|(known, _)| known == note)
            .map_or(0, |(_, weight)| *weight)
    }

    pub(crate) fn of_client_gone(&self) -> u32 {
        self.client_gone
    }

    /// The heaviest of all that went wrong with a call.
    pub(crate) fn judge(&self, call: Ended<'_>) -> Outcome {
        let noted = call.notes.iter().map(|note| self.of_note(note)).max();
        let noted = noted.unwrap_or(0);
        let (asked, ended) = match call.ending {
            Ending::Complete => (true, self.of_response(call)),
            Ending::Timeout if is_upstreams(call.code) => (true, self.timeout),
            Ending::UpstreamFailed if is_upstreams(call.code) => (true, self.reset),
            Ending::ClientGone => (false, self.client_gone),
            Ending::Timeout | Ending::UpstreamFailed | Ending::AnsweredHere => (false, 0),
        };
        match noted.max(ended) {
            0 if asked => Outcome::Success,
            0 => Outcome::Nothing,
            weight => Outcome::Failure(weight),
        }
    }

    fn of_response(&self, call: Ended<'_>) -> u32 {
        match call.grpc {
            Some(code) => self.of_grpc(code),
            None => call.status.map_or(0, |status| self.of_status(status)),
        }
    }
}

/// Whether the gateway gave up on the upstream, and neither on the client's upload nor on a plugin.
fn is_upstreams(code: Option<&str>) -> bool {
    match code {
        // The response had begun.
        None => true,
        // A plugin wanted to hold more than it may.
        Some("upstream-body-too-large") => false,
        // The deadline that a gRPC client gives its call.
        Some("call-timeout") => true,
        Some(code) => code.starts_with("upstream-"),
    }
}

/// `5xx` begins at place 400 in the table.
fn class(kind: &str) -> Option<usize> {
    match kind.as_bytes() {
        [digit @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => Some(usize::from(digit - b'1') * 100),
        _ => None,
    }
}

fn is_note(kind: &str) -> bool {
    let first = kind.starts_with(|first: char| first.is_ascii_lowercase());
    first
        && kind.len() <= 64
        && kind
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn thousandths(weight: f64) -> Result<u32, String> {
    if !(0.0..=1000.0).contains(&weight) {
        return Err(String::from(
            "write a weight of 0 to 1000, as `1.5`; 0 does not count",
        ));
    }
    let thousandths = (weight * f64::from(ONE)).round();
    if weight > 0.0 && thousandths < 1.0 {
        return Err(String::from(
            "write 0.001 at least, or 0 for what does not count",
        ));
    }
    // In range, as compared above.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(thousandths as u32)
}
