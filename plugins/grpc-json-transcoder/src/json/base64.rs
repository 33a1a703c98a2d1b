//! Bytes in JSON: read in either alphabet, with or without padding, written in the standard one with padding.

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const READ_STANDARD: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const READ_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// None if the text is in neither alphabet.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let text = text.as_ref();
    let engine = if text.iter().any(|byte| matches!(byte, b'-' | b'_')) {
        READ_URL_SAFE
    } else {
        READ_STANDARD
    };
    engine.decode(text).ok()
}

/// Adds the text to `out`, which is ASCII.
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    general_purpose::STANDARD.encode_string(bytes, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding() {
        assert_eq!(decode("AQI="), Some(vec![1, 2]));
        assert_eq!(decode("AQI"), Some(vec![1, 2]));
        assert_eq!(decode("-_"), Some(vec![0xFB]));
        assert_eq!(decode("+/"), Some(vec![0xFB]));
        assert_eq!(decode(""), Some(vec![]));
        for bad in ["!!!", "A", "+_", "AQ I=", "AQI=="] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
