//! Files that are written over in place and may stay open: no name is made, moved or removed when
//! they get another content.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Dir, DiskError, Result, Tree, fault, file_stat};

/// An open file with a name of its own.
#[derive(Debug)]
pub struct InPlace {
    file: File,
    /// Its name, below the root of the tree.
    relative: PathBuf,
    inode: u64,
}

impl InPlace {
    /// The regular file at `relative`; absent when there is none.
    pub fn open(tree: &Tree, relative: &Path) -> Result<Option<Self>> {
        let Some(file) = tree.writable(relative)? else { return Ok(None) };
        Self::of(file, relative).map(Some)
    }

    /// A new file `name` in `dir`, which is at `relative` then; durable with its name if asked.
    pub fn create(dir: &Dir, relative: &Path, content: &[u8], durable: bool) -> Result<Self> {
        let name = relative.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut file = dir.create(name)?;
        let made = dir.write(name, &mut file, content).and_then(|()| match durable {
            true => dir.sync_file(name, &file).and_then(|()| dir.sync()),
            false => Ok(()),
        });
        match made.and_then(|()| Self::of(file, relative)) {
            Ok(made) => Ok(made),
            Err(error) => {
                let _ = dir.remove_file(name);
                Err(error)
            }
        }
    }

    fn of(file: File, relative: &Path) -> Result<Self> {
        let stat = file_stat(&file).map_err(|error| DiskError::new("stat", relative, error))?;
        Ok(Self { file, relative: relative.to_owned(), inode: stat.inode })
    }

    /// Whether it is still the file of its name: somebody may have removed it, or what it lies in.
    pub fn is_named(&self, tree: &Tree) -> Result<bool> {
        Ok(tree.stat(&self.relative)?.is_some_and(|stat| stat.inode == self.inode))
    }

    /// All of it.
    pub fn read(&self) -> Result<Vec<u8>> {
        self.fault("read")?;
        let mut content = Vec::new();
        let failed = |error| DiskError::new("read", &self.relative, error);
        let size = file_stat(&self.file).map_err(failed)?.size;
        // Handles are shared: nobody relies on their position.
        let mut from = At { file: &self.file, at: 0 };
        content.reserve(usize::try_from(size).unwrap_or(0));
        from.read_to_end(&mut content).map_err(failed)?;
        Ok(content)
    }

    /// Writes over what begins at the byte `at`.
    pub fn write(&self, content: &[u8], at: u64) -> Result<()> {
        let was_dead = fault::is_dead();
        if let Err(error) = self.fault("write") {
            // As a full disk or a death would have it.
            if !was_dead {
                let _ = self.file.write_all_at(&content[..content.len() / 2], at);
            }
            return Err(error);
        }
        let written = self.file.write_all_at(content, at);
        written.map_err(|error| DiskError::new("write", &self.relative, error))
    }

    /// Makes its content durable, and its length; not its times.
    pub fn sync(&self) -> Result<()> {
        self.fault("sync")?;
        self.file.sync_data().map_err(|error| DiskError::new("sync", &self.relative, error))
    }

    fn fault(&self, operation: &'static str) -> Result<()> {
        fault::point().map_err(|error| DiskError::new(operation, &self.relative, error))
    }
}

struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
