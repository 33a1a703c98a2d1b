//! Timestamps (RFC 3339, as google/protobuf/timestamp.proto narrows it) and durations (`1.5s`).

use std::fmt::Write as _;

/// Seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const TIMESTAMPS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// About 10,000 years (google/protobuf/duration.proto).
const LONGEST: i64 = 315_576_000_000;
const NANOS: i32 = 1_000_000_000;

/// Seconds and nanoseconds of `2017-01-15T01:30:15.01Z`; none if it is no such text or out of range.
pub(crate) fn read_timestamp(text: &str) -> Option<(i64, i32)> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[10] != b'T' {
        return None;
    }
    if bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let number = |from: usize, to: usize| two_or_four(&bytes[from..to]);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if year < 1 || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = fraction(&text[19..])?;
    let seconds = days_before(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let seconds = seconds - offset(zone)?;
    TIMESTAMPS.contains(&seconds).then_some((seconds, nanos))
}

/// False if it is out of range; nothing is written then.
pub(crate) fn write_timestamp(seconds: i64, nanos: i32, out: &mut String) -> bool {
    if !TIMESTAMPS.contains(&seconds) || !(0..NANOS).contains(&nanos) {
        return false;
    }
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    );
    write_fraction(nanos, out);
    out.push('Z');
    true
}

/// Seconds and nanoseconds of `-1.5s`, both of the same sign; none if it is no such text or out of range.
pub(crate) fn read_duration(text: &str) -> Option<(i64, i32)> {
    let number = text.strip_suffix('s')?;
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let whole = number.bytes().take_while(u8::is_ascii_digit).count();
    if whole == 0 {
        return None;
    }
    let seconds = number[..whole].parse::<i64>().ok()?;
    let (nanos, rest) = fraction(&number[whole..])?;
    if !rest.is_empty() || seconds > LONGEST {
        return None;
    }
    Some(if negative {
        (-seconds, -nanos)
    } else {
        (seconds, nanos)
    })
}

/// False if it is out of range or its signs differ; nothing is written then.
pub(crate) fn write_duration(seconds: i64, nanos: i32, out: &mut String) -> bool {
    let in_range = (-LONGEST..=LONGEST).contains(&seconds) && (-NANOS < nanos && nanos < NANOS);
    let same_sign = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
    if !in_range || !same_sign {
        return false;
    }
    if seconds < 0 || nanos < 0 {
        out.push('-');
    }
    let _ = write!(out, "{}", seconds.unsigned_abs());
    write_fraction(nanos.abs(), out);
    out.push('s');
    true
}

/// The nanoseconds of `.01`, and what follows; no fraction at all is none.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let Some(digits) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let exponent = u32::try_from(9 - length).ok()?;
    let nanos = digits[..length].parse::<i32>().ok()? * 10i32.pow(exponent);
    Some((nanos, &digits[length..]))
}

/// In 0, 3, 6 or 9 digits, as ProtoJSON says.
fn write_fraction(nanos: i32, out: &mut String) {
    let _ = match nanos {
        0 => Ok(()),
        _ if nanos % 1_000_000 == 0 => write!(out, ".{:03}", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => write!(out, ".{:06}", nanos / 1_000),
        _ => write!(out, ".{nanos:09}"),
    };
}

/// Seconds east of UTC of `Z` or `+01:30`.
fn offset(zone: &str) -> Option<i64> {
    let bytes = zone.as_bytes();
    match bytes {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (two_or_four(&bytes[1..3])?, two_or_four(&bytes[4..6])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn two_or_four(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March, so that the day
/// that may be missing is the last.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The reverse of [`days_before`].
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(seconds: i64, nanos: i32) -> Option<String> {
        let mut out = String::new();
        write_timestamp(seconds, nanos, &mut out).then_some(out)
    }

    fn duration(seconds: i64, nanos: i32) -> Option<String> {
        let mut out = String::new();
        write_duration(seconds, nanos, &mut out).then_some(out)
    }

    #[test]
    fn timestamps_there_and_back() {
        for (text, seconds, nanos) in [
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
            (
                "9999-12-31T23:59:59.999999999Z",
                253_402_300_799,
                999_999_999,
            ),
            ("1970-01-01T00:00:00.000010Z", 0, 10_000),
            ("1969-12-31T23:59:59.100Z", -1, 100_000_000),
            ("2000-02-29T12:00:00Z", 951_825_600, 0),
            ("2016-12-15T12:23:32.000000049Z", 1_481_804_612, 49),
        ] {
            assert_eq!(read_timestamp(text), Some((seconds, nanos)), "{text}");
            assert_eq!(timestamp(seconds, nanos).as_deref(), Some(text));
        }
        assert_eq!(read_timestamp("1969-12-31T16:00:00-08:00"), Some((0, 0)));
        assert_eq!(read_timestamp("1970-01-01T01:30:00+01:30"), Some((0, 0)));
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in -146_097..146_097 {
            let text = timestamp(day * 86_400, 0).unwrap();
            assert_eq!(read_timestamp(&text), Some((day * 86_400, 0)), "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp() {
        for text in [
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "0001-01-01 00:00:00Z",
            "0001-01-01T00:00:00z",
            "0001-01-01t00:00:00Z",
            "0001-01-01T00:00:00",
            "2001-02-29T00:00:00Z",
            "2001-13-01T00:00:00Z",
            "2001-01-01T24:00:00Z",
            "2001-01-01T00:00:60Z",
            "2001-01-01T00:00:00.Z",
            "2001-01-01T00:00:00.1234567890Z",
            "2001-01-01T00:00:00+0100",
            "9999-12-31T23:59:59-00:01",
            "é001-01-01T00:00:00Z",
            "2001-01-01T00:00:00é",
            "null",
        ] {
            assert_eq!(read_timestamp(text), None, "{text}");
        }
        assert_eq!(timestamp(253_402_300_800, 0), None);
        assert_eq!(timestamp(0, -1), None);
    }

    #[test]
    fn durations_there_and_back() {
        for (text, seconds, nanos) in [
            ("0s", 0, 0),
            ("1.500s", 1, 500_000_000),
            ("-0.500s", 0, -500_000_000),
            ("3.000000001s", 3, 1),
            ("-315576000000.999999999s", -315_576_000_000, -999_999_999),
        ] {
            assert_eq!(read_duration(text), Some((seconds, nanos)), "{text}");
            assert_eq!(duration(seconds, nanos).as_deref(), Some(text));
        }
        for text in [
            "1",
            "s",
            "-s",
            "1.s",
            ".5s",
            "1s ",
            "+1s",
            "1.5",
            "315576000001s",
            "1.0000000001s",
        ] {
            assert_eq!(read_duration(text), None, "{text}");
        }
        assert_eq!(duration(1, -1), None);
        assert_eq!(duration(315_576_000_001, 0), None);
    }
}
