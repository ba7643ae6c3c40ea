//! Bearer tokens (RFC 6750) of an OpenID provider: checked here with the provider's keys
//! (RFC 7515, 7517, 7519), or by asking the provider (RFC 7662). Blocking.

mod fetch;
mod jwk;
mod token;

use chrono::{DateTime, Duration, Utc};
use parking_lot::Mutex;
use serde_json::Value;

use self::fetch::Fetch;
use self::jwk::Key;
use crate::config;
use crate::principal::Person;
use crate::principal::adopt::guid_of;

/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Minutes the provider's keys are used without asking again.
const KEYS_MIN: i64 = 60;
/// Seconds between two fetches of keys because none that is known has signed a token.
const KEYS_AGAIN_S: i64 = 30;
/// How far the clocks of the provider and this host may be apart.
const SKEW_S: i64 = 60;
/// Minutes a token is believed without looking at it again; less if it ends before.
const BELIEF_MIN: i64 = 5;

/// Why a token opens nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// It is not good.
    #[error("{0}")]
    Invalid(&'static str),
    /// The provider cannot be asked.
    #[error("the OpenID provider: {0}")]
    Unavailable(String),
}

/// Whom a token names, and until when it may be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The person.
    pub person: Person,
    /// The end.
    pub until: DateTime<Utc>,
}

/// A provider.
#[derive(Debug)]
pub struct Oidc {
    options: config::Oidc,
    fetch: Fetch,
    keys: Mutex<Option<Keys>>,
}

#[derive(Clone, Debug)]
struct Keys {
    fetched: DateTime<Utc>,
    keys: Vec<Key>,
}

impl Oidc {
    /// The provider that a configuration names.
    pub fn new(options: config::Oidc) -> Self {
        let fetch = Fetch::new(options.timeout_seconds);
        Self { options, fetch, keys: Mutex::default() }
    }

    /// Looks at a token.
    pub fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Bearer, Refusal> {
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Invalid("not a token"));
        }
        let introspected = !self.options.introspection_url.is_empty();
        let claims = match introspected {
            true => self.fetch.introspect(&self.options, token)?,
            false => self.verified(token, now)?,
        };
        let end = self.check_claims(&claims, introspected, now)?;
        let belief = now + Duration::minutes(BELIEF_MIN);
        let until = end.map_or(belief, |end| end.min(belief));
        Ok(Bearer { person: self.person(&claims)?, until })
    }

    /// The claims of a token that one of the provider's keys has signed.
    fn verified(&self, token: &str, now: DateTime<Utc>) -> Result<Value, Refusal> {
        let token = token::parse(token)?;
        let keys = self.keys(now, Duration::minutes(KEYS_MIN))?;
        if let Ok(claims) = token.verify(&keys) {
            return Ok(claims);
        }
        // The provider may have changed its keys, whether it gives them new names or none.
        token.verify(&self.keys(now, Duration::seconds(KEYS_AGAIN_S))?)
    }

    /// The provider's keys, not older than this.
    fn keys(&self, now: DateTime<Utc>, age: Duration) -> Result<Vec<Key>, Refusal> {
        let mut known = self.keys.lock();
        if let Some(known) = known.as_ref().filter(|known| now - known.fetched < age) {
            return Ok(known.keys.clone());
        }
        let keys = jwk::read(&self.fetch.keys(&self.options)?);
        if keys.is_empty() {
            return Err(Refusal::Unavailable("has no key that is understood here".to_owned()));
        }
        *known = Some(Keys { fetched: now, keys: keys.clone() });
        Ok(keys)
    }

    /// Issuer, audience and time (RFC 7519 §4.1); gives back when the token ends.
    fn check_claims(
        &self,
        claims: &Value,
        introspected: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Refusal> {
        match claims.get("iss").and_then(Value::as_str) {
            Some(issuer) if issuer == self.options.issuer => {}
            // Providers need not repeat themselves when they are asked.
            None if introspected => {}
            _ => return Err(Refusal::Invalid("the token is of another issuer")),
        }
        let audience = self.options.audience.as_str();
        let is_ours = match claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one == audience),
            _ => false,
        };
        if !audience.is_empty() && !is_ours {
            return Err(Refusal::Invalid("the token is for another audience"));
        }
        let instant = |claim: &str| -> Option<DateTime<Utc>> {
            let seconds = claims.get(claim)?;
            let seconds = seconds.as_i64().or_else(|| seconds.as_f64().map(|s| s as i64))?;
            DateTime::from_timestamp(seconds, 0)
        };
        let skew = Duration::seconds(SKEW_S);
        if instant("nbf").is_some_and(|begin| now + skew < begin) {
            return Err(Refusal::Invalid("the token is not good yet"));
        }
        match instant("exp") {
            Some(end) if now >= end + skew => Err(Refusal::Expired),
            Some(end) => Ok(Some(end + skew)),
            None if introspected => Ok(None),
            None => Err(Refusal::Invalid("the token never ends")),
        }
    }

    fn person(&self, claims: &Value) -> Result<Person, Refusal> {
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str).map(str::to_owned);
        // An address that the provider has not checked says nothing about who somebody is.
        let verified = claims.get("email_verified") == Some(&Value::Bool(true));
        let claim = self.options.name_claim.as_str();
        if claim == "email" && !verified {
            return Err(Refusal::Invalid("the provider has not verified the address"));
        }
        let name = text(claim).filter(|name| !name.is_empty());
        Ok(Person {
            name: name.ok_or(Refusal::Invalid("the token does not name a user"))?,
            guid: text("sub").and_then(|subject| guid_of(&subject)),
            full_name: text("name"),
            emails: text("email").filter(|_| verified).into_iter().collect(),
        })
    }
}
