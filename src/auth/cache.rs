//! Passwords that were found right lately, so that hashing is not paid for each request.
//!
//! What is kept is a keyed hash of (stored secret, password given) and a time, so the cache
//! answers only for exactly that pair: a changed password in the directory never matches. For a
//! minute a keyed hash of the whole header field is kept beside the record it was right for, and
//! answers for that very record only. The key is made at start and leaves the process never.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use parking_lot::Mutex;

use crate::principal::{Directory, Record, Secret};

/// Verified pairs kept at once.
const ENTRIES_MAX: usize = 10_000;
/// Minutes a verified pair is believed without hashing again.
const LIFETIME_MIN: i64 = 15;
/// Minutes a whole header field is believed without looking at what is in it.
const HEADER_MIN: i64 = 1;
/// Different passwords that may be hashed at the same time.
const LANES: usize = 4;

/// The cache.
pub struct Cache {
    key: [u8; 32],
    verified: Mutex<HashMap<[u8; 32], DateTime<Utc>>>,
    headers: Mutex<HashMap<[u8; 32], Remembered>>,
    lanes: [Mutex<()>; LANES],
}

/// Whose a header field is, and until when.
type Remembered = (Arc<Record>, DateTime<Utc>);

/// Stands for one pair of stored secret and given password.
#[derive(Clone, Copy)]
pub struct Pair([u8; 32]);

impl Default for Cache {
    fn default() -> Self {
        Self {
            key: rand::random(),
            verified: Mutex::default(),
            headers: Mutex::default(),
            lanes: Default::default(),
        }
    }
}

impl Cache {
    /// The pair of a stored secret and a given password. For a name that nobody has (not `known`)
    /// it is one that is never verified: what the secret's owner signed in with does not count.
    pub fn pair(&self, secret: &Secret, password: &str, known: bool) -> Pair {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&[u8::from(known)]);
        for text in [secret.hash.as_deref(), secret.plain.as_deref(), Some(password)] {
            let text = text.unwrap_or_default();
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Pair(*hasher.finalize().as_bytes())
    }

    /// Whether this pair was verified lately.
    pub fn knows(&self, pair: Pair, now: DateTime<Utc>) -> bool {
        self.verified.lock().get(&pair.0).is_some_and(|until| now < *until)
    }

    /// Whose header field this is, if it was right within the minute and the record is still the
    /// very same: every change of the accounts makes it another.
    pub fn whose(
        &self,
        header: &str,
        directory: &Directory,
        now: DateTime<Utc>,
    ) -> Option<Arc<Record>> {
        let headers = self.headers.lock();
        let (record, until) = headers.get(&self.header(header))?;
        let same = directory.by_guid(&record.guid).is_some_and(|now| Arc::ptr_eq(now, record));
        (same && now < *until).then(|| Arc::clone(record))
    }

    /// Remembers whose header field this is. Its password was verified lately.
    pub fn remember_header(&self, header: &str, record: &Arc<Record>, now: DateTime<Utc>) {
        let mut headers = self.headers.lock();
        if headers.len() >= ENTRIES_MAX {
            headers.clear();
        }
        let until = now + Duration::minutes(HEADER_MIN);
        headers.insert(self.header(header), (Arc::clone(record), until));
    }

    fn header(&self, header: &str) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, header.as_bytes()).as_bytes()
    }

    /// Answers from memory or asks `verify`; equal questions at the same time are asked once.
    pub fn check(&self, pair: Pair, now: DateTime<Utc>, verify: impl FnOnce() -> bool) -> bool {
        if self.knows(pair, now) {
            return true;
        }
        let _lane = self.lanes[usize::from(pair.0[0]) % LANES].lock();
        if self.knows(pair, now) {
            return true;
        }
        let right = verify();
        if right {
            self.remember(pair, now);
        }
        right
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.verified.lock().clear();
        self.headers.lock().clear();
    }

    fn remember(&self, pair: Pair, now: DateTime<Utc>) {
        let mut verified = self.verified.lock();
        if verified.len() >= ENTRIES_MAX {
            verified.retain(|_, until| now < *until);
        }
        if verified.len() >= ENTRIES_MAX {
            verified.clear();
        }
        verified.insert(pair.0, now + Duration::minutes(LIFETIME_MIN));
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cache({})", self.verified.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone, Utc};

    use super::{Cache, LIFETIME_MIN};
    use crate::principal::Secret;

    #[test]
    fn remembers_right_answers_for_a_while() {
        let cache = Cache::default();
        let now = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
        let secret = Secret { hash: Some("h".into()), ..Secret::default() };
        let pair = cache.pair(&secret, "right", true);
        assert!(cache.check(pair, now, || true));
        assert!(cache.check(pair, now, || unreachable!()));
        let later = now + Duration::minutes(LIFETIME_MIN);
        assert!(!cache.check(pair, later, || false));
        assert!(!cache.knows(cache.pair(&secret, "right", false), now));
        let wrong = cache.pair(&secret, "wrong", true);
        assert!(!cache.check(wrong, now, || false));
        assert!(cache.check(wrong, now, || true), "a wrong answer is not remembered");
        let changed = Secret { hash: Some("i".into()), ..Secret::default() };
        assert!(!cache.knows(cache.pair(&changed, "right", true), now));
        cache.clear();
        assert!(!cache.knows(pair, now));
    }
}
