//! Entries as they were kept before there were slots, and as people may put them there: a file
//! each, whose name says its state. Read at the start and written into slots.
//!
//! `ID.work` is to be done, `ID.pending` waited for its write, `.spare-…` has no entry.

use serde::Deserialize;

use super::slot::{Stored, stored_witness};
use super::{SpoolEntry, Witness};
use crate::disk::Dir;
use crate::store::StoreError;

const WORK: &str = ".work";
const PENDING: &str = ".pending";
const SPARE: &str = ".spare-";

/// The first line of such a file; one without it is all body after its first line.
#[derive(Deserialize)]
struct Head {
    id: String,
    /// The CRC-32 of the body.
    crc: u32,
    witness: Option<Stored>,
}

/// An entry in a file of its own.
pub(super) struct Former {
    pub(super) entry: SpoolEntry,
    /// By what one sees whether the write of a pending entry was committed.
    pub(super) witness: Option<Witness>,
    pub(super) pending: bool,
}

/// What a name in the spool says: that there may be an entry.
pub(super) fn is_former(name: &str) -> bool {
    name.ends_with(WORK) || name.ends_with(PENDING) || name.starts_with(SPARE)
}

/// The entry in a file; none where there is none.
pub(super) fn read(dir: &Dir, name: &str) -> Result<Option<Former>, StoreError> {
    let id = name.strip_suffix(WORK).or_else(|| name.strip_suffix(PENDING));
    let (Some(id), Some(content)) = (id, dir.read(name, u64::MAX)?) else { return Ok(None) };
    let end = content.iter().position(|byte| *byte == b'\n');
    let (line, rest) = content.split_at(end.map_or(0, |at| at + 1));
    let body = rest.trim_ascii_end().to_vec();
    let witness = match serde_json::from_slice::<Head>(line.trim_ascii_end()) {
        // Its work was done when the file was given to another one.
        Ok(head) if head.id != id || head.crc != crc32fast::hash(&body) => return Ok(None),
        Ok(head) => head.witness.and_then(stored_witness),
        Err(_) => None,
    };
    let entry = SpoolEntry { id: id.to_owned(), body };
    Ok(Some(Former { entry, witness, pending: name.ends_with(PENDING) }))
}
