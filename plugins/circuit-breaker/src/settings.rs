//! What stands in the route file.

mod check;
mod fallback;
mod share;
mod short;

use std::collections::BTreeMap;

use witgate_plugin::{
    config,
    config::{HumanDuration, OneOrMany},
};

pub(crate) use check::{Course, Prepared, prepare};
pub(crate) use fallback::Answer;
use fallback::Fallback;
use share::Share;
use short::{Abbreviated, Short};

/// Spares an upstream that fails, and its clients the wait.
///
/// `failures`, `ratio` and `slow` are judgements: what is written holds, and each of them opens the circuit. Where
/// none is written, `failures: 3` holds.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Settings {
    /// Routes whose name and scope are the same share their circuits. Default: `circuit`. `[a-z0-9][a-z0-9-]*`, at most
    /// 64 bytes.
    pub(crate) name: Option<String>,
    /// What has a circuit of its own: one of `route`, `upstream` and `endpoint`, else `upstream`; and with it, alone or in
    /// a list, what a plugin before this one established of the identity: `tenant`, `subject`, `consumer`, `issuer`,
    /// `claim:/POINTER` (RFC 6901). Default: `upstream`.
    pub(crate) scope: OneOrMany,
    /// Opens after so many failures in a row, by their weights; 1 to 1000000.
    pub(crate) failures: Option<u32>,
    /// Opens when this share of the calls in a sliding window failed: `60%`, or a map.
    pub(crate) ratio: Option<Short<Ratio>>,
    /// Opens when a share of the calls in a sliding window took longer than this, until their response began: `800ms`,
    /// or a map.
    pub(crate) slow: Option<Short<Slow>>,
    /// How long the circuit stays open before a probe. Default: `60s`; `10ms` to `24h`.
    pub(crate) open: Option<HumanDuration>,
    /// Each probe that fails doubles the time that the circuit stays open, up to this. Default: as `open`.
    pub(crate) max_open: Option<HumanDuration>,
    /// What happens after `open`.
    pub(crate) half_open: HalfOpen,
    /// After closing, the share of calls that get through grows from 10 % to all of them over this time. Default: none,
    /// at most `1h`.
    pub(crate) ramp_up: Option<HumanDuration>,
    /// What counts as a failure, and how much: a status (`503`) or a class of them (`5xx`), the name of a gRPC status
    /// (`UNAVAILABLE`), `timeout`, `reset`, `client-gone`, or what a plugin notes of an exchange (`token-invalid`).
    /// 0 for what does not count, at most 1000. What is written is added to the default: 1 for `5xx`, `timeout`,
    /// `reset`, `UNKNOWN`, `DEADLINE_EXCEEDED`, `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS`, 1.5 for
    /// `introspection-failed`, 0 for all else.
    pub(crate) weights: BTreeMap<String, f64>,
    /// What clients get while the circuit is open. Default: 503 with `retry-after`, for gRPC calls UNAVAILABLE.
    pub(crate) fallback: Option<Fallback>,
}

/// The share of calls that failed.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Ratio {
    /// Opens from this share on: the weights of the failures by the number of calls. Default: `60%`.
    pub(crate) share: Option<Share>,
    /// How far back calls count. Default: `60s`; `100ms` to `1h`.
    pub(crate) window: Option<HumanDuration>,
    /// With fewer calls in the window nothing is judged. Default: 20, at least 1.
    pub(crate) minimum_calls: Option<u32>,
}

impl Abbreviated for Ratio {
    type Short = Share;

    const EXPECTED: &'static str =
        "a share, as `60%`, or a map with `share`, `window` and `minimum-calls`";

    fn from_short(share: Share) -> Self {
        Self {
            share: Some(share),
            ..Self::default()
        }
    }
}

/// The share of calls that were slow.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Slow {
    /// A call is slow when its response begins later than this. Default: `800ms`; `1ms` to `1h`.
    pub(crate) longer_than: Option<HumanDuration>,
    /// Opens from this share on. Default: `50%`.
    pub(crate) share: Option<Share>,
    /// How far back calls count. Default: `30s`; `100ms` to `1h`.
    pub(crate) window: Option<HumanDuration>,
    /// With fewer calls in the window nothing is judged. Default: 20, at least 1.
    pub(crate) minimum_calls: Option<u32>,
}

impl Abbreviated for Slow {
    type Short = HumanDuration;

    const EXPECTED: &'static str = "a duration, as `800ms`, or a map with `longer-than`, `share`, `window` and `minimum-calls`";

    fn from_short(longer_than: HumanDuration) -> Self {
        Self {
            longer_than: Some(longer_than),
            ..Self::default()
        }
    }
}

/// Trying whether the upstream is well again.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct HalfOpen {
    /// How many calls may be under way at a time to find out. Default: 1; 1 to 1000.
    pub(crate) probes: Option<u32>,
    /// So many of them must succeed before the circuit closes; one that fails opens it again. Default: as `probes`;
    /// 1 to 1000.
    pub(crate) successes: Option<u32>,
}

/// A JSON pointer (RFC 6901).
pub(crate) fn pointer(path: &[&str]) -> String {
    let mut pointer = String::new();
    for token in path {
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}
