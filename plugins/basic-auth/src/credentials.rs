//! The `authorization` field, read (RFC 7617 section 2).

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// What is longer is no name and no password: it is not even decoded.
const LONGEST: usize = 4096;

/// Clients are not at one about the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who asks, and the password that they gave.
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Credentials {
    /// None for what is too long, no base64, not UTF-8, without a colon or with control characters.
    pub(crate) fn parse(encoded: &[u8]) -> Option<Self> {
        if encoded.len() > LONGEST {
            return None;
        }
        let text = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        let bad = user.is_empty() || text.chars().any(char::is_control);
        (!bad).then(|| Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}
