//! What the file of a slot holds: its state, an entry, and whatever longer entries left behind it.
//! Pure.
//!
//! ```text
//! pending 5f3a9c01 0000001234 {"id":"…","number":17,"witness":[…]}
//! the body
//! ```
//!
//! The state has eight bytes and is written over alone; the CRC-32 and the length are those of all
//! that follows them. So every content that is not wholly there is seen: it was being written.

use serde::{Deserialize, Serialize};

use super::Witness;
use crate::index::HomePath;

/// There is nothing to do.
pub(super) const FREE: &[u8; 8] = b"free    ";
/// The entry waits for its write to be committed.
pub(super) const PENDING: &[u8; 8] = b"pending ";
/// The entry is to be done.
pub(super) const WORK: &[u8; 8] = b"work    ";

/// Bytes before what the CRC is about.
const FRAME: usize = 28;
/// Files are made in multiples of this, so that most entries to come fit.
const BLOCK: usize = 4096;

/// What an entry says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The entry's id.
    pub(super) id: String,
    /// Entries are numbered in the order in which they came.
    pub(super) number: u64,
    /// Home, path and hash of the witness, and whether it is a copy; none without a write.
    witness: Option<Stored>,
}

/// A witness as it is written down.
pub(super) type Stored = (String, Vec<String>, Option<String>, bool);

impl Head {
    pub(super) fn new(id: &str, number: u64, witness: Option<&Witness>) -> Self {
        let witness = witness.map(|witness| {
            let hash = witness.hash.map(|hash| format!("{:032x}", u128::from_be_bytes(hash)));
            (witness.guid.clone(), witness.path.segments().to_vec(), hash, witness.copy)
        });
        Self { id: id.to_owned(), number, witness }
    }

    pub(super) fn witness(&self) -> Option<Witness> {
        self.witness.clone().and_then(stored_witness)
    }
}

/// The witness that was written down; none when that cannot be read.
pub(super) fn stored_witness((guid, segments, hash, copy): Stored) -> Option<Witness> {
    let hash = match hash {
        Some(hash) => Some(u128::from_str_radix(&hash, 16).ok()?.to_be_bytes()),
        None => None,
    };
    Some(Witness { guid, path: HomePath::new(segments), hash, copy })
}

/// What a slot holds.
#[derive(Debug, PartialEq)]
pub(in crate::store) enum Content {
    /// Nothing.
    Free,
    /// What was being written when the process died or the power failed: nothing that counts.
    Torn,
    /// An entry that waits for its write to be committed.
    Pending(Entry),
    /// An entry that is to be done.
    Work(Entry),
    /// It is not known what; and why.
    Unreadable(&'static str),
}

/// An entry as it was read.
#[derive(Debug, PartialEq)]
pub(in crate::store) struct Entry {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

/// A content that is waiting for its write, without what fills up the file.
pub(super) fn content(head: &Head, body: &[u8]) -> Vec<u8> {
    let mut content = vec![b' '; FRAME];
    content.extend(serde_json::to_vec(head).unwrap_or_default());
    content.push(b'\n');
    content.extend_from_slice(body);
    let (crc, length) = (crc32fast::hash(&content[FRAME..]), content.len() - FRAME);
    content[..8].copy_from_slice(PENDING);
    content[8..FRAME].copy_from_slice(format!("{crc:08x} {length:010} ").as_bytes());
    content.push(b'\n');
    content
}

/// Fills a content up to the length of the file it goes to, so that nothing of what was there is
/// left, or of a new one.
pub(super) fn fill(content: &mut Vec<u8>, size: Option<u64>) {
    let size = match size.and_then(|size| usize::try_from(size).ok()) {
        Some(size) if size >= content.len() => size,
        _ => content.len().next_multiple_of(BLOCK),
    };
    content.resize(size, b' ');
}

/// Reads the file of a slot.
pub(in crate::store) fn read(content: &[u8]) -> Content {
    let Some(state) = content.first_chunk::<8>() else { return Content::Torn };
    let entry = || read_entry(content);
    // The first half decides, so that half a state is one.
    match &state[..4] {
        b"free" => Content::Free,
        b"pend" => entry().map_or(Content::Torn, Content::Pending),
        b"work" => entry().map_or(Content::Unreadable("it is damaged"), Content::Work),
        _ if state.iter().all(|byte| *byte == 0) => Content::Torn,
        _ => Content::Unreadable("it does not begin with its state"),
    }
}

fn read_entry(content: &[u8]) -> Option<Entry> {
    let crc = u32::from_str_radix(str::from_utf8(content.get(8..16)?).ok()?, 16).ok()?;
    let length: usize = str::from_utf8(content.get(17..27)?).ok()?.parse().ok()?;
    let rest = content.get(FRAME..)?.get(..length)?;
    if crc32fast::hash(rest) != crc {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = serde_json::from_slice(&rest[..end]).ok()?;
    Some(Entry { head, body: rest[end + 1..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let path = HomePath::new(["calendar", "ä.ics"]);
        let witness = Witness { guid: "g".to_owned(), path, hash: Some([7; 16]), copy: false };
        Head::new("m-1", 17, Some(&witness))
    }

    #[test]
    fn what_is_written_is_read() {
        for body in [&b""[..], b"text", b"two\nlines  \n", &[b'x'; 70_000]] {
            let mut written = content(&head(), body);
            let entry = || Entry { head: head(), body: body.to_vec() };
            assert_eq!(read(&written), Content::Pending(entry()));
            fill(&mut written, None);
            assert_eq!(written.len() % BLOCK, 0);
            written[..8].copy_from_slice(WORK);
            assert_eq!(read(&written), Content::Work(entry()));
            written[..8].copy_from_slice(FREE);
            assert_eq!(read(&written), Content::Free);
        }
        assert_eq!(head().witness().unwrap().hash, Some([7; 16]));
        let line = String::from_utf8(content(&head(), b"text")).unwrap();
        assert!(line.starts_with("pending ") && line.ends_with("]}\ntext\n"), "{line}");
    }

    #[test]
    fn half_an_entry_over_a_free_slot_is_nothing() {
        let mut before = content(&Head::new("old", 1, None), &[b'o'; 3000]);
        fill(&mut before, None);
        before[..8].copy_from_slice(FREE);
        let mut after = content(&head(), &[b'n'; 3500]);
        let length = after.len();
        fill(&mut after, Some(before.len() as u64));
        // A disk writes sectors, in any order.
        for mask in 0..256u32 {
            let mut found = before.clone();
            for sector in (0..8).filter(|sector| mask & (1 << sector) != 0) {
                let at = sector * 512..(sector + 1) * 512;
                found[at.clone()].copy_from_slice(&after[at]);
            }
            let whole = found[..length] == after[..length];
            match read(&found) {
                Content::Free => assert_eq!(mask & 1, 0),
                Content::Torn => assert!(mask & 1 == 1 && !whole, "{mask:b}"),
                Content::Pending(entry) => assert!(whole && entry.head == head(), "{mask:b}"),
                other => panic!("{mask:b}: {other:?}"),
            }
        }
        for end in [0, 7, 8, 27, 28, 100, 3000] {
            assert!(matches!(read(&after[..end]), Content::Torn), "{end}");
        }
        assert_eq!(read(&[0; 4096]), Content::Torn);
    }

    #[test]
    fn damaged_work_is_no_free_slot() {
        let mut written = content(&head(), b"text");
        written[..8].copy_from_slice(WORK);
        let at = written.len() - 3;
        written[at] ^= 1;
        assert!(matches!(read(&written), Content::Unreadable(_)));
        assert!(matches!(read(b"something else"), Content::Unreadable(_)));
    }

    proptest::proptest! {
        #[test]
        fn anything_can_be_read(mut bytes: Vec<u8>, state in 0..4usize) {
            let states = [&FREE[..], PENDING, WORK, b""];
            bytes.splice(..0, states[state].iter().copied());
            let _ = read(&bytes);
        }
    }
}
