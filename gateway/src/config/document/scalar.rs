//! What a plain scalar means, by the core schema of YAML 1.2 (section 10.3.2).

/// A scalar's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    /// Resolves a scalar that was written without quotes. `yes`, `no`, `on` and `off` are text.
    pub(super) fn plain(text: &'a str) -> Self {
        let Some(first) = text.bytes().next() else {
            return Self::Null;
        };
        let value = match first {
            b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' => word(text),
            b'0'..=b'9' | b'-' | b'+' | b'.' => number(text),
            _ => None,
        };
        value.unwrap_or(Self::Text(text))
    }
}

fn word(text: &str) -> Option<Scalar<'static>> {
    match text {
        "~" | "null" | "Null" | "NULL" => Some(Scalar::Null),
        "true" | "True" | "TRUE" => Some(Scalar::Bool(true)),
        "false" | "False" | "FALSE" => Some(Scalar::Bool(false)),
        _ => None,
    }
}

fn number(text: &str) -> Option<Scalar<'static>> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    match digits {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => {
            return Some(Scalar::Float(f64::NEG_INFINITY));
        }
        ".inf" | ".Inf" | ".INF" => return Some(Scalar::Float(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if digits.len() == text.len() => {
            return Some(Scalar::Float(f64::NAN));
        }
        _ => {}
    }
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return integer(text);
    }
    if is_float(digits) {
        return text.parse().ok().map(Scalar::Float);
    }
    None
}

fn radix(digits: &str, radix: u32) -> Option<Scalar<'static>> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix)
        .ok()
        .map(Scalar::Unsigned)
}

/// Integers that 64 bits cannot hold become floats, as JSON readers take them.
fn integer(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Ok(value) = unsigned.parse() {
        return Some(Scalar::Unsigned(value));
    }
    if let Ok(value) = text.parse() {
        return Some(Scalar::Signed(value));
    }
    text.parse().ok().map(Scalar::Float)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    exponent && (!whole.is_empty() || !fraction.is_empty()) && digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("null", Scalar::Null),
            ("True", Scalar::Bool(true)),
            ("0", Scalar::Unsigned(0)),
            ("+12", Scalar::Unsigned(12)),
            ("007", Scalar::Unsigned(7)),
            ("-12", Scalar::Signed(-12)),
            ("0xff", Scalar::Unsigned(255)),
            ("0o17", Scalar::Unsigned(15)),
            ("1e3", Scalar::Float(1000.0)),
            ("-.5", Scalar::Float(-0.5)),
            ("1.", Scalar::Float(1.0)),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            (
                "18446744073709551616",
                Scalar::Float(18_446_744_073_709_551_616.0),
            ),
        ] {
            assert_eq!(Scalar::plain(text), expected, "{text}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "nul",
            "tru",
            "-",
            "+",
            ".",
            "1.2.3",
            "10MiB",
            "5s",
            "0x",
            "0x+1",
            "0o8",
            "1e",
            "e1",
            "--1",
            "1_000",
            "127.0.0.1:80",
            "inf",
            "nan",
            "+.nan",
            "12e03.4",
        ] {
            assert_eq!(Scalar::plain(text), Scalar::Text(text));
        }
    }
}
