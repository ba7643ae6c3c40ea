//! Writes an archive: the home as one moment saw it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{ABOUT, About, FORMAT, HOME, OF_FILES, OWN, document};
use crate::dav::Name;
use crate::disk::{attribute, layout};
use crate::principal::{Directory, Record};
use crate::store::{Collection, Home, HomePath, PropertySet, StoreError};
use crate::transfer::{Refusal, Report, TransferError};
use crate::xml::{self, Element};

/// Writes the home of `owner` to `out`. What cannot be read is named in the report.
pub fn export(
    home: &Home,
    owner: &Record,
    directory: &Directory,
    out: impl Write,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Report, TransferError> {
    let failed = |error| TransferError::Archive("the archive".to_owned(), error);
    let mut writer = Writer {
        tar: tar::Builder::new(out),
        home,
        report: Report::default(),
        expected: home.snapshot().root().objects().count(),
        progress,
    };
    writer.about(owner, directory).map_err(failed)?;
    let snapshot = home.snapshot();
    writer.collection(snapshot.root(), &HomePath::root(), Path::new(HOME)).map_err(failed)?;
    writer.tar.into_inner().and_then(|mut out| out.flush()).map_err(failed)?;
    Ok(writer.report)
}

struct Writer<'a, W: Write> {
    tar: tar::Builder<W>,
    home: &'a Home,
    report: Report,
    expected: usize,
    progress: &'a mut dyn FnMut(usize, usize),
}

impl<W: Write> Writer<'_, W> {
    fn about(&mut self, owner: &Record, directory: &Directory) -> io::Result<()> {
        let about = About {
            format: FORMAT,
            guid: owner.guid.clone(),
            principal: format!("{}:{}", owner.record_type, owner.name()),
            auto_schedule: Some(owner.auto_schedule.to_string()),
            delegates: directory.delegation(&owner.guid).cloned().unwrap_or_default(),
        };
        let text = toml::to_string(&about).map_err(io::Error::other)?;
        self.file(Path::new(ABOUT), text.as_bytes(), 0)
    }

    fn file(&mut self, path: &Path, content: &[u8], modified_s: u64) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(modified_s);
        self.tar.append_data(&mut header, path, content)
    }

    fn directory(&mut self, path: &Path) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o755);
        self.tar.append_data(&mut header, path, io::empty())
    }

    fn collection(
        &mut self,
        collection: &Collection,
        path: &HomePath,
        place: &Path,
    ) -> io::Result<()> {
        self.directory(place)?;
        let properties = self.properties(place, &collection.properties);
        let text = document(Some(collection.kind), &properties);
        self.file(&place.join(OWN), text.as_bytes(), 0)?;
        self.expected = self.expected.max(self.done() + collection.objects().count());
        for (name, object) in collection.objects() {
            let Some(file) = self.file_name(place, name) else { continue };
            let content = match self.home.read(&path.join(name)) {
                Ok(Some(content)) => content,
                Ok(None) => {
                    self.refuse(place.join(file), "it is no regular file");
                    continue;
                }
                Err(StoreError::Disk(error)) => {
                    self.refuse(place.join(file), &error.source.to_string());
                    continue;
                }
                Err(error) => return Err(io::Error::other(error)),
            };
            let properties = self.properties(&place.join(&file), &object.properties);
            if !properties.is_empty() {
                let at = place.join(OF_FILES).join(format!("{file}.xml"));
                self.file(&at, document(None, &properties).as_bytes(), 0)?;
            }
            let modified_s = u64::try_from(object.modified().timestamp()).unwrap_or(0);
            self.file(&place.join(file), &content, modified_s)?;
            self.report.taken += 1;
            let done = self.done();
            (self.progress)(done, self.expected);
        }
        for (name, child) in collection.collections() {
            let Some(file) = self.file_name(place, name) else { continue };
            self.collection(child, &path.join(name), &place.join(file))?;
        }
        Ok(())
    }

    fn done(&self) -> usize {
        self.report.taken + self.report.refused.len()
    }

    fn file_name(&mut self, place: &Path, name: &str) -> Option<String> {
        let file = layout::file_name(name);
        file.map_err(|error| self.refuse(place.join(name), &error.to_string())).ok()
    }

    fn refuse(&mut self, path: PathBuf, reason: &str) {
        self.report.refused.push(Refusal { path, line: 0, reason: reason.to_owned() });
    }

    /// The properties that are what they should be. One that an editor spoilt would spoil the
    /// others with it.
    fn properties(&mut self, at: &Path, set: &PropertySet) -> Vec<(Name, String)> {
        let mut properties = Vec::with_capacity(set.len());
        for (name, xml) in set.iter() {
            let is_its_own = |element: Element| element.name == *name;
            match attribute::is_text(name) || xml::parse(xml.as_bytes()).is_ok_and(is_its_own) {
                true => properties.push((name.clone(), xml.to_string())),
                false => self.refuse(at.to_owned(), &format!("property {name} is no such element")),
            }
        }
        properties
    }
}
