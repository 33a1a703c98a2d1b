//! Deadlines of REST clients, in every dialect, as `grpc-timeout`.

use std::time::Duration;

/// Fields that say how long a client waits, and how each is read.
const DIALECTS: [(&str, Parse); 3] = [
    ("grpc-timeout", grpc),
    ("x-server-timeout", seconds),
    ("connect-timeout-ms", milliseconds),
];

type Parse = fn(&str) -> Option<Duration>;

/// Whether the field, in lower case, says how long the client waits; and if so, how long, if that can be read.
pub(crate) fn read(name: &str, value: &[u8]) -> Option<Option<Duration>> {
    let (_, parse) = DIALECTS.iter().find(|(known, _)| *known == name)?;
    Some(
        std::str::from_utf8(value)
            .ok()
            .and_then(|text| parse(text.trim())),
    )
}

/// At most eight digits and a unit (gRPC over HTTP/2, "Timeout").
fn grpc(text: &str) -> Option<Duration> {
    let unit = text.as_bytes().last()?;
    let digits = &text.get(..text.len() - 1)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse::<u64>().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Seconds with a fraction, as Google's services take them.
fn seconds(text: &str) -> Option<Duration> {
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

fn milliseconds(text: &str) -> Option<Duration> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
    digits
        .then(|| text.parse().ok().map(Duration::from_millis))
        .flatten()
}

/// In the finest unit that has room in eight digits, but none finer than is needed.
pub(crate) fn print(timeout: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let nanos = timeout.as_nanos();
    let units = [
        (1, 'n'),
        (1_000, 'u'),
        (1_000_000, 'm'),
        (1_000_000_000, 'S'),
    ];
    let exact = units
        .iter()
        .rev()
        .skip(1)
        .find(|(size, _)| nanos.is_multiple_of(*size) && nanos / size <= MOST);
    let fits = units.iter().find(|(size, _)| nanos / size <= MOST);
    match exact.or(fits) {
        // Rounded up: who waits longer than is left loses nothing.
        Some((size, unit)) => format!("{}{unit}", nanos.div_ceil(*size).min(MOST)),
        None => format!("{MOST}S"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(name: &str, value: &str) -> Option<String> {
        read(name, value.as_bytes()).unwrap().map(print)
    }

    #[test]
    fn every_dialect_becomes_one() {
        for (name, value, timeout) in [
            ("grpc-timeout", "19M", Some("1140000m")),
            ("grpc-timeout", "1009m", Some("1009m")),
            ("grpc-timeout", "99999999H", Some("99999999S")),
            ("grpc-timeout", "5n", Some("5n")),
            ("grpc-timeout", "INVALID", None),
            ("grpc-timeout", "123456789m", None),
            ("grpc-timeout", "m", None),
            ("grpc-timeout", "é", None),
            ("x-server-timeout", "1.5", Some("1500m")),
            ("x-server-timeout", "-1", None),
            ("x-server-timeout", "inf", None),
            ("connect-timeout-ms", "250", Some("250m")),
            ("connect-timeout-ms", "1.5", None),
        ] {
            assert_eq!(printed(name, value).as_deref(), timeout, "{name}: {value}");
        }
        assert!(read("accept", b"x").is_none());
    }
}
