//! Moving and copying within a home (RFC 4918 §9.8, §9.9), properties included.

use crate::index::{
    Edit, Entry, HomePath, ObjectEntry, ObjectKind, PropertySet, Snapshot, summary,
};
use crate::store::{Content, PropertyChanges, StoreError};

use super::step::Step;
use super::{Place, Transaction};

impl Transaction<'_> {
    /// Moves a file or a collection to a place where nothing is, properties included.
    pub fn rename(&mut self, from: &HomePath, to: &HomePath) -> Result<(), StoreError> {
        if self.work.entry(from).is_none() || from.is_root() {
            return Err(StoreError::NotFound(from.clone()));
        }
        let Place { parent: from_dir, name: from_name, .. } = self.place(from)?;
        let Place { parent: to_dir, kind, name: to_name } = self.place(to)?;
        if self.work.entry(to).is_some() || from.contains(to) {
            return Err(StoreError::Taken(to.clone()));
        }
        self.verify(from)?;
        let reread = match self.work.object(from) {
            Some(object) if kind.holds_objects() != (object.kind != ObjectKind::Plain) => {
                self.read(from)?
            }
            _ => None,
        };
        let step = Step::Rename { from: from_dir.join(from_name), to: to_dir.join(to_name) };
        self.steps.push(step);
        self.edit(Edit::Rename { from: from.clone(), to: to.clone() });
        self.overflow.rename(from, to);
        if let (Some(content), Some(object)) = (reread, self.work.object(to)) {
            let new_kind = match kind.holds_objects() {
                true => summary::of_bytes(&content),
                false => ObjectKind::Plain,
            };
            let entry = ObjectEntry { kind: new_kind, ..(**object).clone() };
            self.edit(Edit::PutObject { path: to.clone(), entry });
        }
        self.written.push(to.clone());
        Ok(())
    }

    /// Copies a file or a collection with everything in it to a place where nothing is,
    /// properties included.
    pub fn copy(&mut self, from: &HomePath, to: &HomePath) -> Result<(), StoreError> {
        if from.contains(to) {
            return Err(StoreError::Taken(to.clone()));
        }
        self.copy_from(&self.work.clone(), from, to)
    }

    fn copy_from(
        &mut self,
        source: &Snapshot,
        from: &HomePath,
        to: &HomePath,
    ) -> Result<(), StoreError> {
        let entry = source.entry(from).ok_or_else(|| StoreError::NotFound(from.clone()))?;
        if self.work.entry(to).is_some() {
            return Err(StoreError::Taken(to.clone()));
        }
        let all = |properties: &PropertySet| PropertyChanges {
            set: properties.iter().map(|(n, x)| (n.clone(), x.to_string())).collect(),
            remove: Vec::new(),
        };
        match entry {
            Entry::Object(object) => {
                let content = self.read(from)?;
                let content = content.ok_or_else(|| StoreError::Changed(from.clone()))?;
                let changes = all(&object.properties);
                let alike =
                    self.place(to)?.kind.holds_objects() == (object.kind != ObjectKind::Plain);
                if alike && ObjectEntry::hash_of(&content) == object.hash {
                    let (hash, kind) = (object.hash, object.kind.clone());
                    self.put_content(to, &Content { bytes: content, hash, kind }, &changes)?;
                } else {
                    self.put(to, &content, None, &changes)?;
                }
            }
            Entry::Collection(collection) => {
                self.make_collection(to, collection.kind, &all(&collection.properties))?;
                for (name, _) in collection.children() {
                    self.copy_from(source, &from.join(name), &to.join(name))?;
                }
            }
        }
        Ok(())
    }
}
