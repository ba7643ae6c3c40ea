//! The compact form of signed tokens (RFC 7515 §7.1): three parts, read strictly.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Refusal;
use super::jwk::Key;

/// A token whose signature nobody has looked at yet: its claims are not to be had.
pub(super) struct Unverified<'a> {
    algorithm: String,
    /// The key it says it is signed by.
    key_id: Option<String>,
    signed: &'a [u8],
    claims: Vec<u8>,
    signature: Vec<u8>,
}

/// Takes a token apart.
pub(super) fn parse(token: &str) -> Result<Unverified<'_>, Refusal> {
    const SHAPE: Refusal = Refusal::Invalid("not a signed token");
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| SHAPE);
    let (signed, signature) = token.rsplit_once('.').ok_or(SHAPE)?;
    let (header, claims) = signed.split_once('.').ok_or(SHAPE)?;
    let header: Value = serde_json::from_slice(&decode(header)?).map_err(|_| SHAPE)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
    if header.get("crit").is_some() {
        return Err(Refusal::Invalid("the token asks for extensions"));
    }
    Ok(Unverified {
        algorithm: text("alg").ok_or(SHAPE)?,
        key_id: text("kid"),
        signed: signed.as_bytes(),
        claims: decode(claims)?,
        signature: decode(signature)?,
    })
}

impl Unverified<'_> {
    /// The claims, if one of these keys has signed them.
    pub(super) fn verify(&self, keys: &[Key]) -> Result<Value, Refusal> {
        let good = keys.iter().any(|key| {
            key.is_named(self.key_id.as_deref())
                && key.is_for(&self.algorithm)
                && key.verifies(self.signed, &self.signature)
        });
        if !good {
            return Err(Refusal::Invalid("no key of the provider has signed the token"));
        }
        serde_json::from_slice(&self.claims).map_err(|_| Refusal::Invalid("the claims are no JSON"))
    }
}
