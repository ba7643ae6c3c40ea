//! Work that is committed but not yet done (messages to deliver): one small file an entry.
//!
//! An entry is durable before the write it belongs to becomes visible and is confirmed after it,
//! so that after a crash there is never a message without its write nor a write without its
//! message. Removal is not made durable: doing the work twice must be harmless.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Dir, Replacing, Tree, layout};

use crate::index::HomePath;

use super::StoreError;

/// Entries that are to be done.
const SUFFIX: &str = ".work";
/// Entries that wait for their write to be committed.
const PENDING: &str = ".pending";

/// Work to be remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct SpoolEntry {
    /// Identifies the work: ASCII letters, digits and `-` only, unique for ever.
    pub id: String,
    /// What to do, opaque to the store.
    pub body: Vec<u8>,
}

/// By what one sees later whether the write that work belongs to was committed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Witness {
    /// The home.
    pub(super) guid: String,
    /// A file of it.
    pub(super) path: HomePath,
    /// The hash of its content afterwards; none when it is gone.
    pub(super) hash: Option<[u8; 16]>,
    /// Whether this is about the copy of what was last scheduled, by the hash of the UID: after an
    /// edit past the server the file itself is the same before and afterwards.
    pub(super) copy: bool,
}

impl Witness {
    fn line(&self) -> String {
        let hash = self.hash.map(u128::from_be_bytes);
        let hash = hash.map(|hash| format!("{hash:032x}"));
        serde_json::json!([self.guid, self.path.segments(), hash, self.copy]).to_string()
    }

    fn read(line: &[u8]) -> Option<Self> {
        let (guid, segments, hash, copy): (String, Vec<String>, Option<String>, bool) =
            serde_json::from_slice(line).ok()?;
        let hash = match hash {
            Some(hash) => Some(u128::from_str_radix(&hash, 16).ok()?.to_be_bytes()),
            None => None,
        };
        Some(Self { guid, path: HomePath::new(segments), hash, copy })
    }
}

/// All remembered work of a store.
#[derive(Debug)]
pub struct Spool {
    tree: Arc<Tree>,
    /// Work that is done and waits for its effects to be durable.
    done: Mutex<HashSet<String>>,
}

impl Spool {
    pub(super) fn new(tree: Arc<Tree>) -> Self {
        Self { tree, done: Mutex::default() }
    }

    fn dir(&self) -> Result<Dir, StoreError> {
        Ok(self.tree.make_dirs(Path::new(layout::SPOOL))?)
    }

    /// Makes entries durable that wait for their commit.
    pub(super) fn prepare(
        &self,
        entries: &[SpoolEntry],
        witness: Option<&Witness>,
    ) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let dir = self.dir()?;
        let line = witness.map(Witness::line);
        for entry in entries {
            let name = file_name(&entry.id, PENDING);
            let mut file = dir.create(&name)?;
            dir.write(&name, &mut file, &with_line(line.as_deref(), &entry.body))?;
            dir.sync_file(&name, &file)?;
        }
        Ok(dir.sync()?)
    }

    /// Their write is committed.
    pub(super) fn confirm(&self, entries: &[SpoolEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let dir = self.dir()?;
        for entry in entries {
            let (from, to) = (file_name(&entry.id, PENDING), file_name(&entry.id, SUFFIX));
            dir.rename(&from, &dir, &to, Replacing::Yes)?;
        }
        Ok(())
    }

    /// Their write did not happen.
    pub(super) fn withdraw(&self, entries: &[SpoolEntry]) {
        for entry in entries {
            let removed =
                self.dir().and_then(|dir| Ok(dir.remove_file(&file_name(&entry.id, PENDING))?));
            if let Err(error) = removed {
                tracing::warn!(%error, id = entry.id, "cannot withdraw undelivered work");
            }
        }
    }

    /// Remembers work that belongs to no write; durable when this returns.
    pub fn add(&self, entry: &SpoolEntry) -> Result<(), StoreError> {
        let content = with_line(None, &entry.body);
        Ok(self.dir()?.replace(&file_name(&entry.id, SUFFIX), &content, true)?)
    }

    /// All work that is committed and not removed, oldest first.
    pub fn list(&self) -> Result<Vec<SpoolEntry>, StoreError> {
        let dir = self.dir()?;
        let mut found = Vec::new();
        for listed in dir.list()?.0 {
            let Some(id) = listed.name.strip_suffix(SUFFIX) else { continue };
            if self.done.lock().contains(id) {
                continue;
            }
            let stat = dir.stat(&listed.name)?;
            let body = dir.read(&listed.name, u64::MAX)?;
            if let (Some((_, stat)), Some(body)) = (stat, body) {
                let body = without_line(&body);
                found.push((stat.modified_ns, SpoolEntry { id: id.to_owned(), body }));
            }
        }
        found.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Whether work is committed and not removed.
    pub fn holds(&self, id: &str) -> Result<bool, StoreError> {
        let done = self.done.lock().contains(id);
        Ok(!done && self.dir()?.stat(&file_name(id, SUFFIX))?.is_some())
    }

    /// After a crash: confirms the entries whose write was committed and drops the others.
    pub(super) fn recover(
        &self,
        is_committed: impl Fn(&Witness) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let dir = self.dir()?;
        for listed in dir.list()?.0 {
            if listed.name.starts_with(layout::TEMPORARY) {
                dir.remove_file(&listed.name)?;
            }
            let Some(id) = listed.name.strip_suffix(PENDING) else { continue };
            let content = dir.read(&listed.name, u64::MAX)?.unwrap_or_default();
            let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let committed = match Witness::read(line) {
                Some(witness) => is_committed(&witness)?,
                None => false,
            };
            if committed {
                dir.rename(&listed.name, &dir, &file_name(id, SUFFIX), Replacing::Yes)?;
            } else {
                dir.remove_file(&listed.name)?;
            }
        }
        Ok(dir.sync()?)
    }

    /// The work is done, and will be removed when its effects are durable.
    pub(super) fn hide(&self, id: &str) {
        self.done.lock().insert(id.to_owned());
    }

    /// The work is done.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.dir()?.remove_file(&file_name(id, SUFFIX))?;
        self.done.lock().remove(id);
        Ok(())
    }
}

/// What is not done yet, and what may be waiting for its commit, as the files are.
pub(super) fn waiting(tree: &Tree) -> Result<Vec<SpoolEntry>, StoreError> {
    let mut found = Vec::new();
    let Some(dir) = tree.dir(Path::new(layout::SPOOL))? else { return Ok(found) };
    for listed in dir.list()?.0 {
        let name = &listed.name;
        let id = name.strip_suffix(SUFFIX).or_else(|| name.strip_suffix(PENDING));
        if let (Some(id), Some(content)) = (id, dir.read(name, u64::MAX)?) {
            found.push(SpoolEntry { id: id.to_owned(), body: without_line(&content) });
        }
    }
    Ok(found)
}

/// The content of an entry's file: the witness in the first line, then the body.
fn with_line(line: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut content = line.unwrap_or_default().as_bytes().to_vec();
    content.push(b'\n');
    content.extend_from_slice(body);
    content
}

/// The body of an entry's file.
fn without_line(content: &[u8]) -> Vec<u8> {
    let start = content.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    content[start..].to_vec()
}

fn file_name(id: &str, suffix: &str) -> String {
    let safe: String =
        id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{safe}{suffix}")
}
