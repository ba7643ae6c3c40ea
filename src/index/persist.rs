//! The `.index` file: a dump of a snapshot and the edits of every transaction since, each record
//! with a checksum. It is derived and never made durable; a record that cannot be read ends it.
//!
//! A record is its length, the CRC-32 of its bytes, its bytes.

use std::sync::Arc;

use crate::disk::{Dir, File, Result, file_stat, layout, temporary_name};

use super::codec::{Reader, Writer};
use super::edit::Edit;
use super::removals::Removal;
use super::{Collection, HomePath, Snapshot};

/// First bytes of the file: what it is and the version of its records.
const MAGIC: &[u8] = b"daybook index 5\n";
/// The file is written anew when edits take more room than this and than the dump.
const COMPACT_ABOVE: u64 = 1 << 20;

/// The open log of one home.
#[derive(Debug, Default)]
pub(crate) struct Log {
    file: Option<(File, u64)>,
    dumped: u64,
    appended: u64,
}

/// What a log held.
pub(crate) struct Loaded {
    /// The home as it was.
    pub snapshot: Snapshot,
    /// When the log was last written, in nanoseconds since 1970: files changed shortly before
    /// may have changed again without anybody noticing.
    pub written_ns: i64,
    /// The log, for adding to it.
    pub log: Log,
}

impl Log {
    /// Reads the log in `dir`; none when there is none or it makes no sense.
    pub(crate) fn load(dir: &Dir) -> Result<Option<Loaded>> {
        let Some(content) = dir.read(layout::INDEX, u64::MAX)? else { return Ok(None) };
        let Some((snapshot, dumped, whole)) = replay(&content) else { return Ok(None) };
        let mut log = Log { file: None, dumped, appended: whole as u64 - dumped };
        let mut written_ns = 0;
        if let Some((_, stat)) = dir.stat(layout::INDEX)? {
            written_ns = stat.modified_ns;
            if whole == content.len() {
                let file = dir.append(layout::INDEX)?;
                log.file = Some((file, stat.inode));
            }
        }
        Ok(Some(Loaded { snapshot, written_ns, log }))
    }

    /// Only reads the log in `dir`, which another process may be writing.
    pub(crate) fn peek(dir: &Dir) -> Result<Option<Snapshot>> {
        let content = dir.read(layout::INDEX, u64::MAX)?;
        Ok(content.and_then(|content| Some(replay(&content)?.0)))
    }

    /// Adds the edits of one transaction, which led from `before` to `after`. When that is not
    /// possible the whole file is written anew.
    pub(crate) fn append(
        &mut self,
        dir: &Dir,
        before: u64,
        now_s: i64,
        edits: &[Edit],
        after: &Snapshot,
    ) -> Result<()> {
        let mut record = Writer(Vec::with_capacity(1024));
        record.0.push(b'B');
        record.number(before);
        record.signed(now_s);
        record.number(edits.len() as u64);
        for edit in edits {
            record.edit(edit);
        }
        let bytes = framed(&record.0);
        let large = self.appended > COMPACT_ABOVE.max(self.dumped);
        if let Some((file, inode)) = &mut self.file
            && !large
            && is_current(dir, *inode)
            && dir.write(layout::INDEX, file, &bytes).is_ok()
        {
            self.appended += bytes.len() as u64;
            return Ok(());
        }
        self.file = None;
        self.dump(dir, after)
    }

    /// Writes the whole file anew.
    pub(crate) fn dump(&mut self, dir: &Dir, snapshot: &Snapshot) -> Result<()> {
        self.file = None;
        let temporary = temporary_name();
        let mut file = dir.create(&temporary)?;
        let mut dump =
            Dump { bytes: MAGIC.to_vec(), written: 0, dir, name: &temporary, file: &mut file };
        let named = dump.all(snapshot).and_then(|length| {
            dir.rename(&temporary, dir, layout::INDEX, crate::disk::Replacing::Yes)?;
            Ok(length)
        });
        let length = match named {
            Ok(length) => length,
            Err(error) => {
                // An old log must not survive edits that it does not know.
                let _ = dir.remove_file(&temporary);
                let _ = dir.remove_file(layout::INDEX);
                return Err(error);
            }
        };
        self.dumped = length;
        self.appended = 0;
        if let Ok(stat) = file_stat(&file) {
            self.file = Some((file, stat.inode));
        }
        Ok(())
    }
}

/// Whether the file with this inode still is the one at its place.
fn is_current(dir: &Dir, inode: u64) -> bool {
    matches!(dir.stat(layout::INDEX), Ok(Some((_, stat))) if stat.inode == inode)
}

fn framed(record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(record.len() + 8);
    frame(&mut bytes, record);
    bytes
}

fn frame(bytes: &mut Vec<u8>, record: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(record).to_le_bytes());
    bytes.extend_from_slice(record);
}

fn unframe<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    if crc32fast::hash(record) != u32::from_le_bytes(*crc) {
        return None;
    }
    *bytes = rest;
    Some(record)
}

/// All of a snapshot on its way into a file. It is written piece by piece: the memory for the whole
/// would be as much as the index itself.
struct Dump<'a> {
    bytes: Vec<u8>,
    written: u64,
    dir: &'a Dir,
    name: &'a str,
    file: &'a mut File,
}

/// Bytes of a dump that are written at once.
const PIECE_BYTES: usize = 64 * 1024;

impl Dump<'_> {
    /// Writes everything; how many bytes that is.
    fn all(&mut self, snapshot: &Snapshot) -> Result<u64> {
        let mut head = Writer::default();
        head.0.push(b'H');
        head.number(snapshot.epoch);
        head.number(snapshot.number);
        head.number(u64::from(snapshot.next_id));
        head.number(snapshot.gaps.len() as u64);
        for (from, to) in snapshot.gaps.iter() {
            head.number(*from);
            head.number(*to);
        }
        self.record(&head)?;
        self.collection(&HomePath::root(), &snapshot.root)?;
        frame(&mut self.bytes, b"E");
        self.flush()?;
        Ok(self.written)
    }

    fn collection(&mut self, path: &HomePath, collection: &Collection) -> Result<()> {
        let mut record = Writer::default();
        record.0.push(b'C');
        record.path(path);
        record.kind(collection.kind);
        record.number(u64::from(collection.id));
        for number in [collection.tag, collection.number, collection.placed, collection.floor] {
            record.number(number);
        }
        record.signed(collection.created_s);
        record.signed(collection.modified_s);
        record.properties(&collection.properties);
        record.number(collection.removals.len() as u64);
        for gone in collection.removals.since(0) {
            record.text(gone.name);
            record.number(gone.number);
            record.0.push(u8::from(gone.collection));
        }
        self.record(&record)?;
        for (name, object) in collection.objects.iter() {
            record.0.clear();
            record.0.push(b'O');
            record.text(name);
            record.entry(object);
            self.record(&record)?;
        }
        for (name, child) in collection.collections.iter() {
            self.collection(&path.join(name), child)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Writer) -> Result<()> {
        frame(&mut self.bytes, &record.0);
        if self.bytes.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.dir.write(self.name, self.file, &self.bytes)?;
        self.written += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }
}

/// Reads a file: the snapshot, how long its dump is, and how much of the file makes sense.
fn replay(content: &[u8]) -> Option<(Snapshot, u64, usize)> {
    let mut rest = content.strip_prefix(MAGIC)?;
    let mut snapshot = read_head(unframe(&mut rest)?)?;
    let mut open: Option<(HomePath, Collection)> = None;
    loop {
        let record = unframe(&mut rest)?;
        let mut reader = Reader(record);
        match reader.byte()? {
            b'C' => {
                close(&mut snapshot, open.take())?;
                open = Some(read_collection(&mut reader)?);
            }
            b'O' => {
                let (_, collection) = open.as_mut()?;
                let name: Arc<str> = Arc::from(reader.text()?);
                let entry = reader.entry()?;
                collection.put(&name, Arc::new(entry));
            }
            b'E' => break,
            _ => return None,
        }
    }
    close(&mut snapshot, open.take())?;
    let dumped = (content.len() - rest.len()) as u64;
    loop {
        let before = rest;
        let done = unframe(&mut rest).and_then(|record| replay_batch(&mut snapshot, record));
        if done.is_none() {
            return Some((snapshot, dumped, content.len() - before.len()));
        }
    }
}

fn read_head(record: &[u8]) -> Option<Snapshot> {
    let mut reader = Reader(record);
    if reader.byte()? != b'H' {
        return None;
    }
    let mut snapshot = Snapshot::new(reader.number()?, 0, super::PropertySet::empty());
    snapshot.number = reader.number()?;
    snapshot.next_id = u32::try_from(reader.number()?).ok()?;
    let gaps = reader.count()?;
    snapshot.gaps =
        (0..gaps).map(|_| Some((reader.number()?, reader.number()?))).collect::<Option<_>>()?;
    Some(snapshot)
}

fn read_collection(reader: &mut Reader<'_>) -> Option<(HomePath, Collection)> {
    let path = reader.path()?;
    let mut collection = Collection::new(reader.kind()?, 0, super::PropertySet::empty());
    collection.id = u32::try_from(reader.number()?).ok()?;
    collection.tag = reader.number()?;
    collection.number = reader.number()?;
    collection.placed = reader.number()?;
    collection.floor = reader.number()?;
    collection.created_s = reader.signed()?;
    collection.modified_s = reader.signed()?;
    collection.properties = reader.properties()?;
    for _ in 0..reader.count()? {
        let (name, number, flag) = (reader.text()?, reader.number()?, reader.byte()?);
        collection.removals.push(&Removal { number, name, collection: flag != 0 });
    }
    Some((path, collection))
}

/// Puts a collection that was read into the snapshot.
fn close(snapshot: &mut Snapshot, open: Option<(HomePath, Collection)>) -> Option<()> {
    match open {
        None => Some(()),
        Some((path, collection)) => snapshot.restore(&path, collection),
    }
}

fn replay_batch(snapshot: &mut Snapshot, record: &[u8]) -> Option<()> {
    let mut reader = Reader(record);
    if reader.byte()? != b'B' || reader.number()? != snapshot.number {
        return None;
    }
    let now_s = reader.signed()?;
    let count = reader.count()?;
    let edits: Option<Vec<Edit>> = (0..count).map(|_| reader.edit()).collect();
    for edit in edits? {
        snapshot.apply(&edit, now_s);
    }
    Some(())
}
