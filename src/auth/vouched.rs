//! For whom another directory vouched lately, so that it is not asked for each request.
//!
//! What is kept is a keyed hash of the credentials, whose they are and until when; the key is made
//! at start and never leaves the process. Refusals are not kept.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

/// Credentials kept at once.
const ENTRIES_MAX: usize = 10_000;
/// Questions that may be under way at the same time.
const LANES: usize = 8;

/// The memory.
pub struct Vouched {
    key: [u8; 32],
    known: Mutex<HashMap<[u8; 32], Voucher>>,
    lanes: [Mutex<()>; LANES],
}

/// Whose credentials they are, and until when that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// The GUID of the user.
    pub guid: String,
    /// The end.
    pub until: DateTime<Utc>,
}

impl Default for Vouched {
    fn default() -> Self {
        Self { key: rand::random(), known: Mutex::default(), lanes: Default::default() }
    }
}

impl Vouched {
    /// The user whose credentials these are, if that is remembered.
    pub fn knows(&self, credentials: &[&str], now: DateTime<Utc>) -> Option<String> {
        if self.known.lock().is_empty() {
            return None;
        }
        self.recall(&self.digest(credentials), now)
    }

    /// Answers from memory or asks; equal questions at the same time are asked once.
    pub fn check<E>(
        &self,
        credentials: &[&str],
        now: DateTime<Utc>,
        ask: impl FnOnce() -> Result<Voucher, E>,
    ) -> Result<String, E> {
        let digest = self.digest(credentials);
        let _lane = self.lanes[usize::from(digest[0]) % LANES].lock();
        if let Some(guid) = self.recall(&digest, now) {
            return Ok(guid);
        }
        let voucher = ask()?;
        let guid = voucher.guid.clone();
        let mut known = self.known.lock();
        if known.len() >= ENTRIES_MAX {
            known.retain(|_, voucher| now < voucher.until);
        }
        if known.len() >= ENTRIES_MAX {
            known.clear();
        }
        known.insert(digest, voucher);
        Ok(guid)
    }

    fn recall(&self, digest: &[u8; 32], now: DateTime<Utc>) -> Option<String> {
        let known = self.known.lock();
        known.get(digest).filter(|voucher| now < voucher.until).map(|voucher| voucher.guid.clone())
    }

    fn digest(&self, credentials: &[&str]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for text in credentials {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

impl std::fmt::Debug for Vouched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vouched({})", self.known.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone, Utc};

    use super::{Vouched, Voucher};

    #[test]
    fn remembers_until_the_end_and_no_refusals() {
        let vouched = Vouched::default();
        let now = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
        let voucher = Voucher { guid: "G".into(), until: now + Duration::minutes(1) };
        assert_eq!(vouched.check(&["a", "b"], now, || Err::<Voucher, _>(5)), Err(5));
        assert_eq!(vouched.knows(&["a", "b"], now), None);
        assert_eq!(vouched.check(&["a", "b"], now, || Ok::<_, ()>(voucher)).unwrap(), "G");
        assert_eq!(vouched.knows(&["a", "b"], now).as_deref(), Some("G"));
        assert_eq!(vouched.knows(&["ab", ""], now), None);
        assert_eq!(vouched.knows(&["a", "b"], now + Duration::minutes(1)), None);
    }
}
