//! Properties that a file's attributes could not hold: one file in the home's `.overflow`
//! directory, path → name → XML. Rarely there at all; data, not derived.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dav::Name;
use crate::disk::{Dir, Tree, layout};
use crate::index::HomePath;

use super::StoreError;

pub(super) const FILE: &str = "properties.json";

/// All such properties of one home.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Overflow(BTreeMap<String, BTreeMap<String, String>>);

impl Overflow {
    /// What the home holds; a file that makes no sense is told and holds nothing.
    pub(super) fn load(home: &Dir) -> Result<Self, StoreError> {
        let Some(dir) = home.open_dir(layout::OVERFLOW)? else { return Ok(Self::default()) };
        let Some(content) = dir.read(FILE, u64::MAX)? else { return Ok(Self::default()) };
        match serde_json::from_slice(&content) {
            Ok(overflow) => Ok(overflow),
            Err(error) => {
                tracing::warn!(path = %dir.path().join(FILE).display(), %error, "damaged file");
                Ok(Self::default())
            }
        }
    }

    /// The content of its file.
    pub(super) fn content(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Writes it, so that there is always the old or the new one.
    pub(super) fn save(
        &self,
        tree: &Tree,
        relative: &Path,
        durable: bool,
    ) -> Result<(), StoreError> {
        let dir = tree.make_dirs(&relative.join(layout::OVERFLOW))?;
        Ok(dir.replace(FILE, &self.content(), durable)?)
    }

    /// The properties of one resource.
    pub(super) fn of(&self, path: &HomePath) -> impl Iterator<Item = (Name, &str)> {
        let properties = self.0.get(&path.to_string()).into_iter().flatten();
        properties.filter_map(|(name, xml)| Some((Name::from_clark(name)?, xml.as_str())))
    }

    pub(super) fn set(&mut self, path: &HomePath, name: &Name, xml: &str) {
        self.0.entry(path.to_string()).or_default().insert(name.to_string(), xml.to_owned());
    }

    pub(super) fn remove(&mut self, path: &HomePath, name: &Name) {
        let key = path.to_string();
        if let Some(properties) = self.0.get_mut(&key) {
            properties.remove(&name.to_string());
            if properties.is_empty() {
                self.0.remove(&key);
            }
        }
    }

    /// Forgets one resource and everything below it.
    pub(super) fn forget(&mut self, path: &HomePath) {
        self.0.retain(|key, _| !is_below(key, path));
    }

    /// A resource and everything below it has another place.
    pub(super) fn rename(&mut self, from: &HomePath, to: &HomePath) {
        let moved: Vec<String> = self.0.keys().filter(|key| is_below(key, from)).cloned().collect();
        for key in moved {
            let path = HomePath::new(key.split('/')).moved(from, to);
            if let (Some(path), Some(properties)) = (path, self.0.remove(&key)) {
                self.0.insert(path.to_string(), properties);
            }
        }
    }
}

fn is_below(key: &str, path: &HomePath) -> bool {
    let rest = key.strip_prefix(&path.to_string());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
