//! The locks of one home as a value (RFC 4918 §6, §7): who may change what while somebody else
//! works on it. Pure; expired locks are dropped by whoever reads the table.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A write lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The lock token, a URI.
    pub token: String,
    /// The locked resource: its path in the home.
    pub root: Vec<String>,
    /// Depth: infinity.
    pub deep: bool,
    /// Exclusive, else shared.
    pub exclusive: bool,
    /// The DAV:owner element as the client sent it.
    pub owner: Option<String>,
    /// GUID of the principal that made it.
    pub principal: String,
    /// Seconds asked for and granted.
    pub seconds: u64,
    /// When it ends.
    pub expires: DateTime<Utc>,
}

/// The locks of a home.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locks(pub Vec<Lock>);

/// Something a method is going to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The path in the home.
    pub path: Vec<String>,
    /// With everything below it.
    pub deep: bool,
}

impl Lock {
    /// Whether the lock protects the resource at `path` (§7.1, §7.4).
    pub fn covers(&self, path: &[String]) -> bool {
        self.root == path || (self.deep && path.starts_with(&self.root))
    }

    /// Whether the locked resource is a member, at any depth, of the collection at `path`.
    pub fn lies_below(&self, path: &[String]) -> bool {
        self.root.len() > path.len() && self.root.starts_with(path)
    }
}

impl Locks {
    /// Reads the stored form; what cannot be read is no lock.
    pub fn from_text(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The stored form.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Without the locks that have ended.
    pub fn at(mut self, now: DateTime<Utc>) -> Self {
        self.0.retain(|lock| lock.expires > now);
        self
    }

    /// The locks that protect the resource at `path`.
    pub fn covering(&self, path: &[String]) -> Vec<&Lock> {
        self.0.iter().filter(|lock| lock.covers(path)).collect()
    }

    /// The lock with that token.
    pub fn by_token(&self, token: &str) -> Option<&Lock> {
        self.0.iter().find(|lock| lock.token == token)
    }

    /// The first lock whose token would have to be submitted for these changes and is not
    /// (§6.4, §7.5): of several shared locks on a resource one token is enough.
    pub fn blocking(&self, touched: &[Touch], tokens: &[String], principal: &str) -> Option<&Lock> {
        let held = |lock: &Lock| lock.principal == principal && tokens.contains(&lock.token);
        for touch in touched {
            let mut concerned = self.covering(&touch.path);
            if touch.deep {
                concerned.extend(self.0.iter().filter(|lock| lock.lies_below(&touch.path)));
            }
            let blocked = concerned.iter().find(|lock| {
                let shared_held =
                    || concerned.iter().any(|o| !o.exclusive && o.root == lock.root && held(o));
                !held(lock) && (lock.exclusive || !shared_held())
            });
            if let Some(lock) = blocked {
                return Some(lock);
            }
        }
        None
    }

    /// The locks that keep a new one from being granted (§6.1, §9.10.5).
    pub fn conflicting(&self, path: &[String], deep: bool, exclusive: bool) -> Vec<&Lock> {
        let conflicts = |lock: &&Lock| {
            let meets = lock.covers(path) || (deep && lock.lies_below(path));
            meets && (exclusive || lock.exclusive)
        };
        self.0.iter().filter(conflicts).collect()
    }

    /// Drops the locks on what has been removed or moved away (§7.6, §9.6.1).
    pub fn forget(&mut self, path: &[String]) -> bool {
        let before = self.0.len();
        self.0.retain(|lock| !lock.root.starts_with(path));
        self.0.len() != before
    }
}

#[cfg(test)]
mod tests;
