//! Brakes on guessing: failures are counted per client address and per name. A log line for each
//! failure is what fail2ban reads (docs/operations.md).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use parking_lot::Mutex;

/// Addresses and names remembered at once.
const ENTRIES_MAX: usize = 50_000;

/// How many failures are borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Failures of one client address within the window; 0 switches the brake off.
    pub per_address: u32,
    /// Failures for one name within the window; 0 switches the brake off.
    pub per_name: u32,
    /// Seconds over which failures count, and seconds a lock-out lasts.
    pub window_s: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_address: 20, per_name: 50, window_s: 300 }
    }
}

/// Failures of late.
#[derive(Debug, Default)]
pub struct Throttle {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    addresses: HashMap<IpAddr, Count>,
    names: HashMap<String, Count>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: DateTime<Utc>,
    failures: u32,
}

impl Throttle {
    /// A throttle with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, counts: Mutex::default() }
    }

    /// Seconds to wait before the next try is looked at, if there were too many.
    pub fn wait_s(&self, client: Option<IpAddr>, name: &str, now: DateTime<Utc>) -> Option<i64> {
        let counts = self.counts.lock();
        let left = |count: Option<&Count>, limit: u32| {
            let count = count.filter(|count| limit > 0 && count.failures >= limit)?;
            let left = (count.since + self.window() - now).num_seconds() + 1;
            (left > 0).then_some(left)
        };
        let address = client.and_then(|client| counts.addresses.get(&client));
        left(address, self.limits.per_address)
            .max(left(counts.names.get(name), self.limits.per_name))
    }

    /// Counts a failure and logs it; tokens have no name.
    pub fn failed(&self, client: Option<IpAddr>, name: &str, now: DateTime<Utc>) {
        let from = client.map_or_else(|| "local".to_owned(), |client| client.to_string());
        tracing::warn!(target: "daybook::auth", client = %from, name = ?name, "sign-in failed");
        let mut counts = self.counts.lock();
        if let Some(client) = client {
            self.count(&mut counts.addresses, client, now);
        }
        if !name.is_empty() {
            self.count(&mut counts.names, name.to_owned(), now);
        }
    }

    /// Forgets the failures of an address that knows a password after all.
    pub fn succeeded(&self, client: Option<IpAddr>) {
        if let Some(client) = client {
            self.counts.lock().addresses.remove(&client);
        }
    }

    fn window(&self) -> Duration {
        Duration::seconds(self.limits.window_s)
    }

    fn count<K: Hash + Eq>(&self, counts: &mut HashMap<K, Count>, key: K, now: DateTime<Utc>) {
        let fresh = |count: &Count| now < count.since + self.window();
        if counts.len() >= ENTRIES_MAX {
            counts.retain(|_, count| fresh(count));
        }
        if counts.len() >= ENTRIES_MAX {
            counts.clear();
        }
        let count = counts.entry(key).or_insert(Count { since: now, failures: 0 });
        if !fresh(count) {
            *count = Count { since: now, failures: 0 };
        }
        count.failures = count.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone, Utc};

    use super::{Limits, Throttle};

    #[test]
    fn too_many_failures_have_to_wait() {
        let throttle = Throttle::new(Limits { per_address: 3, per_name: 5, window_s: 60 });
        let start = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
        let client = |n: u8| Some(std::net::IpAddr::from([10, 0, 0, n]));
        for _ in 0..2 {
            throttle.failed(client(1), "alice", start);
        }
        assert_eq!(throttle.wait_s(client(1), "alice", start), None);
        throttle.failed(client(1), "alice", start);
        assert_eq!(throttle.wait_s(client(1), "bob", start), Some(61));
        assert_eq!(throttle.wait_s(client(2), "alice", start), None);
        throttle.failed(client(2), "alice", start);
        throttle.failed(None, "alice", start);
        assert_eq!(throttle.wait_s(client(3), "alice", start), Some(61), "the name is locked");
        assert_eq!(throttle.wait_s(client(2), "bob", start), None);
        let later = start + Duration::seconds(62);
        assert_eq!(throttle.wait_s(client(1), "alice", later), None);
        throttle.failed(client(1), "x", later);
        assert_eq!(throttle.wait_s(client(1), "x", later), None, "a new window counts anew");
        throttle.succeeded(client(1));
        let off = Throttle::new(Limits { per_address: 0, per_name: 0, window_s: 60 });
        off.failed(client(1), "alice", start);
        assert_eq!(off.wait_s(client(1), "alice", start), None);
    }
}
