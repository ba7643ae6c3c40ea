//! Passwords kept in an htpasswd file: `name:hash` lines with bcrypt as `htpasswd -B` writes it,
//! SHA-512 as `htpasswd -5` and crypt do, or argon2id. `$apr1$` and `{SHA}` are too weak to take.
//! The names are short names of the accounts file, which says who there is.

use std::collections::HashMap;
use std::path::PathBuf;

use parking_lot::Mutex;

use super::password::is_crypt;
use crate::principal::Secret;
use crate::principal::file::{self, Stamp};

/// An htpasswd file, read again when it changes.
#[derive(Debug)]
pub struct Htpasswd {
    path: PathBuf,
    read: Mutex<(Option<Stamp>, HashMap<String, String>)>,
}

impl Htpasswd {
    /// The file at this path; it need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: Mutex::default() }
    }

    /// The secret of the first of these names that the file has.
    pub fn secret(&self, names: &[String]) -> Option<Secret> {
        let mut read = self.read.lock();
        let stamp = file::stamp(&self.path);
        if stamp != read.0 {
            match file::read(&self.path) {
                Ok(text) => *read = (stamp, parse(&text.unwrap_or_default())),
                Err(error) => {
                    tracing::error!(path = %self.path.display(), %error, "htpasswd not read");
                }
            }
        }
        let hash = names.iter().find_map(|name| read.1.get(name))?;
        Some(Secret { hash: Some(hash.clone()), ..Secret::default() })
    }
}

fn parse(text: &str) -> HashMap<String, String> {
    let line = |line: &str| {
        let (name, hash) = line.trim().split_once(':')?;
        let known = hash.starts_with("$2") || hash.starts_with("$argon2") || is_crypt(hash);
        if !known {
            tracing::warn!(name, "htpasswd: only bcrypt, argon2 and crypt's SHA are used");
        }
        known.then(|| (name.to_owned(), hash.to_owned()))
    };
    text.lines().filter(|text| !text.starts_with('#')).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::Htpasswd;
    use crate::auth::password::verify;

    #[test]
    fn follows_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        let file = Htpasswd::new(path.clone());
        let names = ["al".to_owned(), "alice".to_owned()];
        assert!(file.secret(&names).is_none());
        let hash = bcrypt::hash("wonder", 4).unwrap();
        std::fs::write(&path, format!("# us\nbob:{{SHA}}x\nalice:{hash}\n\n:\n")).unwrap();
        let secret = file.secret(&names).unwrap();
        assert!(verify(&secret, "wonder") && !verify(&secret, "wonders"));
        assert!(file.secret(&["bob".to_owned()]).is_none());
        std::fs::write(&path, "").unwrap();
        assert!(file.secret(&names).is_none());
    }
}
