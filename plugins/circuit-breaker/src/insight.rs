//! What can be said of a configuration without any exchange.

use std::time::Duration;

use serde_json::{Value, json};
use witgate_plugin::config::Problem;

use crate::{
    breaker::FIRST_SHARE,
    judgement::{Judgement, Threshold, calls},
    settings::{Answer, Prepared},
};

/// No single circuit sees more calls a second.
const MOST_CALLS: f64 = 10_000.0;

/// What clients bring about themselves, with what they send.
const OF_CLIENTS: [&str; 4] = [
    "access-denied",
    "credentials-invalid",
    "token-expired",
    "token-invalid",
];

/// What is legal and probably not meant.
pub(crate) fn warnings(settings: &Prepared) -> Vec<Problem> {
    let mut warnings = Vec::new();
    if !settings.weights.weigh_anything() && settings.slow.is_none() {
        let message = "no failure has a weight: the circuit never opens";
        warnings.push(Problem::at("/weights", message));
    }
    for window in &settings.judgement.windows {
        for (threshold, place) in [(window.failed, "/ratio"), (window.slow, "/slow")] {
            if let Some(threshold) = threshold {
                let place = format!("{place}/minimum-calls");
                warnings.extend(out_of_reach(threshold, window.span, &place));
            }
        }
    }
    if settings.scope.len() == 1 {
        warnings.extend(anybodys(settings));
    }
    warnings
}

fn out_of_reach(threshold: Threshold, span: Duration, place: &str) -> Option<Problem> {
    let minimum = threshold.minimum_calls;
    let within = f64::from(minimum) > span.as_secs_f64() * MOST_CALLS;
    within.then(|| {
        let message = format!(
            "{span:?} hardly ever see {minimum} calls, and with fewer nothing is judged; write a smaller number or a \
             longer `window`"
        );
        Problem::at(place, message)
    })
}

/// Without a field of the identity in the scope, one client opens the circuit for all.
fn anybodys(settings: &Prepared) -> Option<Problem> {
    let weights = &settings.weights;
    let notes = OF_CLIENTS
        .into_iter()
        .filter(|note| weights.of_note(note) > 0);
    let mut kinds: Vec<String> = notes.map(|note| format!("`{note}`")).collect();
    if weights.of_client_gone() > 0 {
        kinds.push(String::from("`client-gone`"));
    }
    // 408 and 429 are what an overloaded upstream says.
    let statuses = (400..500).filter(|status| ![408, 429].contains(status));
    let mut statuses = statuses.filter(|status| weights.of_status(*status) > 0);
    kinds.extend(statuses.next().map(|status| format!("the status {status}")));
    (!kinds.is_empty()).then(|| {
        let message = format!(
            "any client can bring {} about, and so open the circuit for all; add a field of the identity to `scope`, as \
             `tenant`, or give it no weight",
            kinds.join(" and ")
        );
        Problem::at("/weights", message)
    })
}

/// What the circuit does, as JSON.
pub(crate) fn explain(settings: &Prepared) -> String {
    let course = settings.course;
    let mut explained = json!({
        "circuit": settings.name,
        "one for each": settings.scope,
        "opens": opens(settings),
        "stays open for": text(course.open),
        "then": format!(
            "{} at a time; closes after {}",
            plural(course.probes, "probe"),
            plural(settings.judgement.successes, "success"),
        ),
        "while open": answer(&settings.answer),
    });
    if course.max_open > course.open {
        explained["after probes that fail"] =
            Value::from(format!("twice as long, up to {}", text(course.max_open)));
    }
    if let Some(over) = course.ramp_up {
        let ramp = format!(
            "{FIRST_SHARE} % to 100 % of the calls pass over {}",
            text(over)
        );
        explained["after closing"] = Value::from(ramp);
    }
    explained.to_string()
}

fn opens(settings: &Prepared) -> Vec<String> {
    let Judgement { row, windows, .. } = &settings.judgement;
    let mut opens = Vec::new();
    opens.extend(row.map(|row| format!("after failures in a row: {}", calls(row))));
    for window in windows {
        let of = |threshold: Threshold| {
            format!(
                "{} % of the calls in {}, of {} at least,",
                threshold.percent,
                text(window.span),
                threshold.minimum_calls
            )
        };
        opens.extend(
            window
                .failed
                .map(|threshold| format!("when {} fail", of(threshold))),
        );
        let limit = settings.slow.map(text).unwrap_or_default();
        let slow = |threshold| format!("when {} take longer than {limit}", of(threshold));
        opens.extend(window.slow.map(slow));
    }
    opens
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Unavailable => String::from("503 `circuit-open`, for gRPC calls UNAVAILABLE"),
        Answer::Respond(reply) => format!("{}, as written in `fallback`", reply.status),
        Answer::Upstream(name) => format!("the answer of the upstream `{name}`"),
    }
}

fn plural(number: u32, noun: &str) -> String {
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "success") => format!("{number} successes"),
        _ => format!("{number} {noun}s"),
    }
}

/// As in route files: `1m30s` is `90s` there.
fn text(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1000) {
        format!("{}s", millis / 1000)
    } else {
        format!("{millis}ms")
    }
}
