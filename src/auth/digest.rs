//! Digest credentials (RFC 7616, RFC 2617): MD5 and SHA-256, qop `auth`.
//!
//! Nonces are kept in one table for all connections; each belongs to the client address it was
//! made for, and each of its counts is good for one request. A good response with a nonce that is
//! too old or unknown is answered `stale`, so that clients go on without asking the user.

use std::collections::HashMap;
use std::fmt::Write;
use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use md5::Md5;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::password::equal;
use crate::principal::Secret;

/// Minutes a nonce is good for.
const NONCE_LIFETIME_MIN: i64 = 15;
/// Nonces kept at once.
const NONCES_MAX: usize = 50_000;
/// How far the counts of parallel connections may arrive out of order.
const COUNT_WINDOW: u64 = 64;

/// A hash function of Digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `MD5`: what old clients have.
    Md5,
    /// `SHA-256`.
    Sha256,
}

impl Algorithm {
    /// Both, the better one first.
    pub const ALL: [Algorithm; 2] = [Self::Sha256, Self::Md5];

    /// The token in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(text))
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }

    /// The hash that stands for a password: what can be stored instead of it.
    pub fn stored(self, name: &str, realm: &str, password: &str) -> String {
        format!("{}:{}", self.name(), self.hash(&format!("{name}:{realm}:{password}")))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub name: String,
    /// The request target as the client saw it.
    pub uri: String,
    algorithm: Algorithm,
    realm: String,
    nonce: String,
    response: String,
    count: String,
    client_nonce: String,
}

/// How a response turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Right.
    Right,
    /// Right, but the nonce is too old, unknown or used up.
    Stale,
    /// Wrong.
    Wrong,
}

struct Nonce {
    client: Option<IpAddr>,
    made: DateTime<Utc>,
    highest: u64,
    /// Which of the counts `highest`, `highest - 1`, … were used.
    used: u64,
}

/// The nonces.
#[derive(Default)]
pub struct Nonces(Mutex<HashMap<String, Nonce>>);

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Nonces({})", self.0.lock().len())
    }
}

impl Nonces {
    /// One challenge for each algorithm.
    pub fn challenges(
        &self,
        realm: &str,
        client: Option<IpAddr>,
        stale: bool,
        now: DateTime<Utc>,
    ) -> Vec<String> {
        let nonce = hex(&rand::random::<[u8; 16]>());
        let mut nonces = self.0.lock();
        if nonces.len() >= NONCES_MAX {
            nonces.retain(|_, nonce| nonce.is_fresh(now));
        }
        if nonces.len() >= NONCES_MAX {
            nonces.clear();
        }
        nonces.insert(nonce.clone(), Nonce { client, made: now, highest: 0, used: 0 });
        let stale = if stale { ", stale=true" } else { "" };
        Algorithm::ALL
            .iter()
            .map(|algorithm| {
                let algorithm = algorithm.name();
                format!(
                    "Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", \
                     algorithm={algorithm}, charset=UTF-8{stale}"
                )
            })
            .collect()
    }

    /// Judges credentials of a user with this secret. A wrong client address ends the nonce.
    pub fn judge(
        &self,
        credentials: &Credentials,
        method: &str,
        realm: &str,
        secret: &Secret,
        client: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Outcome {
        // Everything is computed and compared also where nothing can be right, so that time does
        // not tell who has a password for Digest, or an account.
        let (expected, usable) = expected(credentials, method, realm, secret);
        let same = equal(&expected, &credentials.response);
        if !(same && usable && credentials.realm == realm) {
            return Outcome::Wrong;
        }
        let Ok(count) = u64::from_str_radix(&credentials.count, 16) else { return Outcome::Wrong };
        let mut nonces = self.0.lock();
        let Some(nonce) = nonces.get_mut(&credentials.nonce) else { return Outcome::Stale };
        if nonce.client != client || !nonce.is_fresh(now) {
            nonces.remove(&credentials.nonce);
            return Outcome::Stale;
        }
        if nonce.take(count) { Outcome::Right } else { Outcome::Stale }
    }
}

impl Nonce {
    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now < self.made + Duration::minutes(NONCE_LIFETIME_MIN)
    }

    /// Uses a count up; false if it was used before or is far behind.
    fn take(&mut self, count: u64) -> bool {
        if count == 0 {
            return false;
        }
        if count > self.highest {
            let step = count - self.highest;
            self.used = if step >= COUNT_WINDOW { 0 } else { self.used << step };
            self.used |= 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        if behind >= COUNT_WINDOW || self.used & (1 << behind) != 0 {
            return false;
        }
        self.used |= 1 << behind;
        true
    }
}

/// The response a client with the right password sends, and whether there is a right password.
fn expected(
    credentials: &Credentials,
    method: &str,
    realm: &str,
    secret: &Secret,
) -> (String, bool) {
    let algorithm = credentials.algorithm;
    let prefix = format!("{}:", algorithm.name());
    let stored = secret.digests.iter().find_map(|stored| stored.strip_prefix(&prefix));
    let name = &credentials.name;
    let plain = secret.plain.as_deref();
    let computed = algorithm.hash(&format!("{name}:{realm}:{}", plain.unwrap_or_default()));
    let (first, usable) = match (plain, stored) {
        (None, Some(stored)) => (stored.to_ascii_lowercase(), true),
        (plain, _) => (computed, plain.is_some()),
    };
    let Credentials { nonce, count, client_nonce, uri, .. } = credentials;
    let second = algorithm.hash(&format!("{method}:{uri}"));
    let third = algorithm.hash(&format!("{first}:{nonce}:{count}:{client_nonce}:auth:{second}"));
    (third, usable)
}

/// Reads what follows `Digest `. Credentials without qop are refused: every challenge asks for it.
pub fn parse(token: &str) -> Option<Credentials> {
    let fields = fields(token)?;
    let field = |name: &str| fields.get(name).cloned();
    if !field("qop")?.eq_ignore_ascii_case("auth") {
        return None;
    }
    let count = field("nc")?;
    if count.len() != 8 || !count.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(Credentials {
        name: field("username")?,
        uri: field("uri")?,
        algorithm: match field("algorithm") {
            Some(name) => Algorithm::parse(&name)?,
            None => Algorithm::Md5,
        },
        realm: field("realm")?,
        nonce: field("nonce")?,
        response: field("response")?.to_ascii_lowercase(),
        client_nonce: field("cnonce").filter(|nonce| !nonce.is_empty())?,
        count,
    })
}

/// `name=value` and `name="value"` pairs; none if the text is not such a list or names one twice.
fn fields(text: &str) -> Option<HashMap<String, String>> {
    let mut found = HashMap::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if found.insert(name.trim().to_ascii_lowercase(), value).is_some() || found.len() > 32 {
            return None;
        }
        let tail = tail.trim_start();
        rest = match tail.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if tail.is_empty() => "",
            None => return None,
        };
    }
    Some(found)
}

/// A quoted string without its first quote, and what follows it.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, character)) = chars.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests;
