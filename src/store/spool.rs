//! Work that is committed but not yet done (messages to deliver): one small file an entry.
//!
//! An entry is durable before the write it belongs to becomes visible and is confirmed after it,
//! so that after a crash there is never a message without its write nor a write without its
//! message. Removal is not made durable: doing the work twice must be harmless.
//!
//! Files of work that is done are kept for work to come: on many file systems it is removing
//! files, and making them soon afterwards, that takes the longest. A file says whose work it
//! holds, in case a power failure brings an older name back.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::disk::{Dir, Replacing, Tree, file_stat, layout};

use crate::index::HomePath;

use super::StoreError;

/// Entries that are to be done.
const SUFFIX: &str = ".work";
/// Entries that wait for their write to be committed.
const PENDING: &str = ".pending";

/// Files that wait for work.
const SPARE: &str = ".spare-";
/// So many of them are kept,
const SPARES: usize = 64;
/// and only those up to this size.
const SPARE_BYTES: u64 = 64 * 1024;

/// Work to be remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct SpoolEntry {
    /// Identifies the work: ASCII letters, digits and `-` only, unique for ever.
    pub id: String,
    /// What to do, opaque to the store; does not end with a space.
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

/// The first line of an entry's file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// The file name without its suffix.
    id: String,
    /// The CRC-32 of the body.
    crc: u32,
    /// Home, path and hash of the witness, if the work belongs to a write.
    witness: Option<(String, Vec<String>, Option<String>, bool)>,
}

impl Head {
    fn new(entry: &SpoolEntry, witness: Option<&Witness>) -> Self {
        let witness = witness.map(|witness| {
            let hash = witness.hash.map(|hash| format!("{:032x}", u128::from_be_bytes(hash)));
            (witness.guid.clone(), witness.path.segments().to_vec(), hash, witness.copy)
        });
        Self { id: safe(&entry.id), crc: crc32fast::hash(&entry.body), witness }
    }

    fn witness(self) -> Option<Witness> {
        let (guid, segments, hash, copy) = self.witness?;
        let hash = match hash {
            Some(hash) => Some(u128::from_str_radix(&hash, 16).ok()?.to_be_bytes()),
            None => None,
        };
        Some(Witness { guid, path: HomePath::new(segments), hash, copy })
    }
}

/// All remembered work of a store.
#[derive(Debug)]
pub struct Spool {
    tree: Arc<Tree>,
    /// Work that is done and waits for its effects to be durable.
    done: Mutex<HashSet<String>>,
    /// Names of files that wait for work.
    spares: Mutex<Vec<String>>,
}

impl Spool {
    pub(super) fn new(tree: Arc<Tree>) -> Self {
        Self { tree, done: Mutex::default(), spares: Mutex::default() }
    }

    fn dir(&self) -> Result<Dir, StoreError> {
        let path = Path::new(layout::SPOOL);
        match self.tree.dir(path)? {
            Some(dir) => Ok(dir),
            None => Ok(self.tree.make_dirs(path)?),
        }
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
        for entry in entries {
            let content = content(&Head::new(entry, witness), &entry.body);
            let name = file_name(&entry.id, PENDING);
            if !self.reuse(&dir, &name, &content)? {
                let mut file = dir.create(&name)?;
                dir.write(&name, &mut file, &content)?;
                dir.sync_file(&name, &file)?;
            }
        }
        Ok(dir.sync()?)
    }

    /// Writes an entry into a file that waits for work, if there is one.
    fn reuse(&self, dir: &Dir, name: &str, content: &[u8]) -> Result<bool, StoreError> {
        let Some(spare) = self.spares.lock().pop() else { return Ok(false) };
        let Some(mut file) = dir.rewrite(&spare)? else { return Ok(false) };
        let before = usize::try_from(file_stat(&file).map_or(0, |stat| stat.size)).unwrap_or(0);
        let mut content = content.to_vec();
        // Giving back what a longer entry took takes longer than writing over it.
        content.resize(content.len().max(before), b' ');
        dir.write(&spare, &mut file, &content)?;
        dir.sync_file(&spare, &file)?;
        dir.rename(&spare, dir, name, Replacing::No)?;
        Ok(true)
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
        let content = content(&Head::new(entry, None), &entry.body);
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
            let content = dir.read(&listed.name, u64::MAX)?;
            if let (Some((_, stat)), Some(content)) = (stat, content)
                && let Read::Work { body, .. } = read(id, &content)
            {
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
            } else if listed.name.starts_with(SPARE) {
                self.keep(&dir, listed.name)?;
            } else if let Some(id) = listed.name.strip_suffix(SUFFIX) {
                // Its work was done when the file was given to another one.
                if let Read::OfAnother =
                    read(id, &dir.read(&listed.name, u64::MAX)?.unwrap_or_default())
                {
                    dir.remove_file(&listed.name)?;
                }
            } else if let Some(id) = listed.name.strip_suffix(PENDING) {
                let content = dir.read(&listed.name, u64::MAX)?.unwrap_or_default();
                let committed = match read(id, &content) {
                    Read::Work { witness: Some(witness), .. } => is_committed(&witness)?,
                    _ => false,
                };
                if committed {
                    dir.rename(&listed.name, &dir, &file_name(id, SUFFIX), Replacing::Yes)?;
                } else {
                    dir.remove_file(&listed.name)?;
                }
            }
        }
        Ok(dir.sync()?)
    }

    /// Keeps a file for work to come, or removes it.
    fn keep(&self, dir: &Dir, spare: String) -> Result<(), StoreError> {
        let size = dir.stat(&spare)?.map_or(u64::MAX, |(_, stat)| stat.size);
        let mut spares = self.spares.lock();
        if size > SPARE_BYTES || spares.len() >= SPARES {
            drop(spares);
            return Ok(dir.remove_file(&spare)?);
        }
        spares.push(spare);
        Ok(())
    }

    /// The work is done, and will be removed when its effects are durable.
    pub(super) fn hide(&self, id: &str) {
        self.done.lock().insert(id.to_owned());
    }

    /// The work is done.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        let dir = self.dir()?;
        let (name, spare) = (file_name(id, SUFFIX), format!("{SPARE}{}", safe(id)));
        match dir.rename(&name, &dir, &spare, Replacing::Yes) {
            Ok(()) => self.keep(&dir, spare)?,
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error.into()),
        }
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
        if let (Some(id), Some(content)) = (id, dir.read(name, u64::MAX)?)
            && let Read::Work { body, .. } = read(id, &content)
        {
            found.push(SpoolEntry { id: id.to_owned(), body });
        }
    }
    Ok(found)
}

/// The content of an entry's file: the head in the first line, then the body.
fn content(head: &Head, body: &[u8]) -> Vec<u8> {
    let mut content = serde_json::to_vec(head).unwrap_or_default();
    content.push(b'\n');
    content.extend_from_slice(body);
    content
}

/// What the file of an entry holds.
enum Read {
    /// The entry's work.
    Work { body: Vec<u8>, witness: Option<Witness> },
    /// Work that another entry was about to be.
    OfAnother,
}

/// Reads the file of the entry `id`. A file without a head, as others may have made it, is all body
/// after its first line.
fn read(id: &str, content: &[u8]) -> Read {
    let end = content.iter().position(|byte| *byte == b'\n');
    let (line, rest) = content.split_at(end.map_or(0, |at| at + 1));
    let body = rest.trim_ascii_end().to_vec();
    match serde_json::from_slice::<Head>(line.trim_ascii_end()) {
        Ok(head) if head.id != id || head.crc != crc32fast::hash(&body) => Read::OfAnother,
        Ok(head) => Read::Work { body, witness: head.witness() },
        Err(_) => Read::Work { body, witness: None },
    }
}

fn file_name(id: &str, suffix: &str) -> String {
    format!("{}{suffix}", safe(id))
}

fn safe(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
