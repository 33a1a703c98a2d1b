//! Numbers as JSON writes them, exactly.

/// The length of the number at the beginning of `text` (RFC 8259 section 6); none if there is none, or if it goes
/// on as no number does (`01`, `1x`).
pub(super) fn length(text: &[u8]) -> Option<usize> {
    let mut at = usize::from(text.first() == Some(&b'-'));
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    match text.get(at) {
        Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-') => {
            None
        }
        _ => Some(at),
    }
}

/// Whether the whole text is one JSON number.
pub(crate) fn is_number(text: &str) -> bool {
    length(text.as_bytes()) == Some(text.len())
}

/// The number as an integer, if it is one whose value is exact (`1e5` and `1.0` are); `text` is a JSON number.
pub(crate) fn integer(text: &str) -> Option<i128> {
    // Nothing that is read here has more digits than an unsigned 64-bit integer.
    if let Ok(plain) = text.parse::<i64>() {
        return Some(plain.into());
    }
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        // An exponent that overflows makes the number either zero or out of every range.
        Some(at) => (
            &text[..at],
            text[at + 1..].parse::<i64>().unwrap_or(i64::MAX),
        ),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let scale = exponent
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(dropped)?;
    let scale = u32::try_from(scale).ok().filter(|scale| *scale <= 20)?;
    if significant.len() > 20 {
        return None;
    }
    let value = significant.parse::<i128>().ok()? * 10i128.pow(scale);
    Some(if negative { -value } else { value })
}

/// `text` is a JSON number; none if it lies beyond the type.
pub(crate) fn double(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// `text` is a JSON number; none if it lies beyond the type.
pub(crate) fn float(text: &str) -> Option<f32> {
    text.parse::<f32>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_numbers_are_numbers() {
        for good in ["0", "-0", "10", "1.5", "1e5", "-1.25E-3", "0.0"] {
            assert!(is_number(good), "{good}");
        }
        for bad in [
            "", "-", "01", "+1", "1.", ".5", "1e", "1e+", "0x10", "1_0", " 1", "1 ", "NaN", "--1",
        ] {
            assert!(!is_number(bad), "{bad}");
        }
    }

    #[test]
    fn integers_are_exact() {
        for (text, value) in [
            ("1e5", Some(100_000)),
            ("100000.000", Some(100_000)),
            ("2.147483647e9", Some(2_147_483_647)),
            ("18446744073709551615", Some(u64::MAX.into())),
            ("-9223372036854775808", Some(i64::MIN.into())),
            ("0e999999999999999999999", Some(0)),
            ("-0.0", Some(0)),
            ("1000e-3", Some(1)),
            ("0.5", None),
            ("1e400", None),
            ("1e-1", None),
            ("1e99999999999999999999", None),
            ("123456789012345678901234567890", None),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
    }

    #[test]
    fn what_is_too_large_is_none() {
        assert_eq!(double("-1.89769e+308"), None);
        assert_eq!(float("3.502823e+38"), None);
        assert_eq!(float("3.4e38"), Some(3.4e38));
    }
}
