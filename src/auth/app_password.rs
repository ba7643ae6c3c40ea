//! Passwords for one program each: made by the server, named, revocable, with the day they were
//! last used. They are random, so a fast hash is enough and checking one never blocks.

use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Duration, Utc};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::password::equal;
use crate::principal::file::{self, Stamp};

/// What every app password begins with.
const PREFIX: &str = "dbk-";
/// Letters and digits that are not mistaken for each other.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How exactly the last use is kept: so often the file is written at most.
const LAST_USED_MIN: i64 = 60;

/// Why app passwords cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum AppPasswordError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The file does not make sense.
    #[error("{0}: {1}")]
    Content(PathBuf, String),
    /// The owner has one of that name.
    #[error("there is already an app password called {0}")]
    Exists(String),
    /// The owner has none of that name.
    #[error("there is no app password called {0}")]
    Missing(String),
}

/// One app password; the password itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppPassword {
    /// GUID of whom it signs in.
    pub owner: String,
    /// What it is for.
    pub name: String,
    /// Its hash.
    hash: String,
    /// When it was made.
    pub created: String,
    /// When it was last used, within the hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    app: Vec<AppPassword>,
}

/// The file `app-passwords.toml`.
#[derive(Debug)]
pub struct AppPasswords {
    path: PathBuf,
    read: Mutex<(Option<Stamp>, Vec<AppPassword>)>,
}

impl AppPasswords {
    /// The file at this path; it need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: Mutex::default() }
    }

    /// Makes an app password and gives it back, the only time it is seen.
    pub fn create(
        &self,
        owner: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<String, AppPasswordError> {
        let letters: Vec<u8> = rand::random::<[u8; 20]>()
            .iter()
            .map(|byte| ALPHABET[usize::from(byte % 32)])
            .collect();
        let groups: Vec<_> = letters.chunks(5).map(String::from_utf8_lossy).collect();
        let password = format!("{PREFIX}{}", groups.join("-"));
        self.change(|all| {
            if all.iter().any(|app| app.owner == owner && app.name == name) {
                return Err(AppPasswordError::Exists(name.to_owned()));
            }
            all.push(AppPassword {
                owner: owner.to_owned(),
                name: name.to_owned(),
                hash: hash(&password),
                created: stamp(now),
                last_used: None,
            });
            Ok(())
        })?;
        Ok(password)
    }

    /// Makes one worthless.
    pub fn revoke(&self, owner: &str, name: &str) -> Result<(), AppPasswordError> {
        self.change(|all| {
            let before = all.len();
            all.retain(|app| app.owner != owner || app.name != name);
            if all.len() < before {
                Ok(())
            } else {
                Err(AppPasswordError::Missing(name.to_owned()))
            }
        })
    }

    /// Those of an owner.
    pub fn of(&self, owner: &str) -> Vec<AppPassword> {
        self.all().into_iter().filter(|app| app.owner == owner).collect()
    }

    /// Whether this is an app password of the owner; notes its use.
    pub fn verify(&self, owner: &str, password: &str, now: DateTime<Utc>) -> bool {
        if !password.starts_with(PREFIX) {
            return false;
        }
        let wanted = hash(password);
        let all = self.all();
        let Some(app) = all.iter().find(|app| app.owner == owner && equal(&app.hash, &wanted))
        else {
            return false;
        };
        let used = app.last_used.as_deref().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        if used.is_none_or(|used| now - used >= Duration::minutes(LAST_USED_MIN)) {
            let noted = self.change(|all| {
                for app in all.iter_mut().filter(|app| app.hash == wanted) {
                    app.last_used = Some(stamp(now));
                }
                Ok(())
            });
            if let Err(error) = noted {
                tracing::warn!(%error, "the use of an app password is not noted");
            }
        }
        true
    }

    fn all(&self) -> Vec<AppPassword> {
        let mut read = self.read.lock();
        let stamp = file::stamp(&self.path);
        if stamp != read.0 {
            match self.load() {
                Ok(all) => *read = (stamp, all),
                Err(error) => tracing::error!(%error, "app passwords not read"),
            }
        }
        read.1.clone()
    }

    fn load(&self) -> Result<Vec<AppPassword>, AppPasswordError> {
        let text =
            file::read(&self.path).map_err(|e| AppPasswordError::Io(self.path.clone(), e))?;
        let document: Document = toml::from_str(&text.unwrap_or_default())
            .map_err(|e| AppPasswordError::Content(self.path.clone(), e.to_string()))?;
        Ok(document.app)
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Vec<AppPassword>) -> Result<(), AppPasswordError>,
    ) -> Result<(), AppPasswordError> {
        let io = |error| AppPasswordError::Io(self.path.clone(), error);
        let _lock = file::lock(&self.path).map_err(io)?;
        let mut app = self.load()?;
        change(&mut app)?;
        let text = toml::to_string_pretty(&Document { app })
            .map_err(|e| AppPasswordError::Content(self.path.clone(), e.to_string()))?;
        let head = "# Passwords for single programs, as hashes. Remove one to revoke it.\n\n";
        file::replace(&self.path, &format!("{head}{text}")).map_err(io)
    }
}

fn hash(password: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("daybook 2026-01 app password");
    hasher.update(password.as_bytes());
    hasher.finalize().to_hex().to_string()
}

fn stamp(now: DateTime<Utc>) -> String {
    now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone, Utc};

    use super::{AppPasswordError, AppPasswords};

    #[test]
    fn are_made_used_listed_and_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app-passwords.toml");
        let apps = AppPasswords::new(path.clone());
        let now = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
        let phone = apps.create("ALICE", "phone", now).unwrap();
        assert!(matches!(apps.create("ALICE", "phone", now), Err(AppPasswordError::Exists(_))));
        let other = AppPasswords::new(path.clone()).create("BOB", "phone", now).unwrap();
        assert_ne!(phone, other);
        assert!(!std::fs::read_to_string(&path).unwrap().contains(&phone));
        assert!(apps.verify("ALICE", &phone, now));
        assert!(!apps.verify("BOB", &phone, now) && apps.verify("BOB", &other, now));
        assert!(!apps.verify("ALICE", "dbk-", now) && !apps.verify("ALICE", "", now));
        assert_eq!(apps.of("ALICE")[0].last_used.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert!(apps.verify("ALICE", &phone, now + Duration::minutes(59)));
        assert_eq!(apps.of("ALICE")[0].last_used.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert!(apps.verify("ALICE", &phone, now + Duration::minutes(61)));
        assert_eq!(apps.of("ALICE")[0].last_used.as_deref(), Some("2026-01-01T01:01:00Z"));
        apps.revoke("ALICE", "phone").unwrap();
        assert!(matches!(apps.revoke("ALICE", "phone"), Err(AppPasswordError::Missing(_))));
        assert!(!apps.verify("ALICE", &phone, now));
    }
}
