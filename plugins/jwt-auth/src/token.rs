//! From a token's bytes to a judgement (RFC 7519 section 7.2).

use witgate_jose::Keys;

use crate::{cache::Verified, claims::Claims, refusal::Refusal, settings::Demands};

pub(crate) fn verify(
    token: &[u8],
    keys: &Keys,
    demands: &Demands,
    now: u64,
) -> Result<Verified, Refusal> {
    let signed = witgate_jose::verify(token, keys, &demands.algorithms)?;
    let claims = Claims::parse(&signed.payload)?;
    let accepted = claims.judge(demands, now)?;
    let validity = accepted.not_before..accepted.expires;
    Ok(Verified::new(token, validity, signed.key, accepted.values))
}
