//! Strings and numbers with fractions, as JSON writes them.

use std::fmt::{Debug, Write as _};

/// Adds a string with its quotes; what need not be escaped is not (RFC 8259 section 7).
pub(crate) fn print_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1F => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Adds a number in the fewest digits that give it back; `value` is `exact` in its own type.
pub(crate) fn print_float(exact: impl Debug, value: f64, out: &mut String) {
    /// Up to here whole numbers are written without exponent.
    const PLAIN: f64 = 1e15;
    let _ = if value.is_nan() {
        out.write_str("\"NaN\"")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        })
    } else if value.fract() == 0.0 && value.abs() < PLAIN {
        write!(out, "{value}")
    } else {
        write!(out, "{exact:?}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> String {
        let mut out = String::new();
        print_float(value, value, &mut out);
        out
    }

    #[test]
    fn floats_are_short_and_exact() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (-3.0, "-3"),
            (1e300, "1e300"),
            (0.1, "0.1"),
            (1e-7, "1e-7"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(float(value), text);
        }
        let mut out = String::new();
        print_float(0.1f32, f64::from(0.1f32), &mut out);
        assert_eq!(out, "0.1");
    }

    #[test]
    fn strings_come_back() {
        for text in [
            "",
            "a\"b\\c/",
            "line\nbreak\u{0}\u{1f}\u{7f}",
            "谷歌 😁",
            "\u{2028}",
        ] {
            let mut out = String::new();
            print_text(text, &mut out);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text, "{out}");
        }
    }
}
