//! Names that other file systems cannot keep apart: the same but for capital letters or how accents
//! are written (NFC and NFD).
//!
//! Most names in a calendar are written in one of two ways, all in small or all in capital letters,
//! and are looked up as such; only the others are kept once more, by what they have in common.

use std::borrow::Cow;
use std::sync::Arc;

use imbl::OrdSet;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::pack;

/// What two names have in common that some file systems take for one.
pub fn folded(name: &str) -> Cow<'_, str> {
    let plain = |name: &str| !name.bytes().any(|byte| byte.is_ascii_uppercase());
    match name.is_ascii() {
        true if plain(name) => Cow::Borrowed(name),
        true => Cow::Owned(name.to_ascii_lowercase()),
        false if is_nfc(name) => Cow::Owned(name.to_lowercase()),
        false => Cow::Owned(name.nfc().collect::<String>().to_lowercase()),
    }
}

/// The same in capital letters, as some clients name their files; an extension stays small.
fn capital(folded: &str) -> String {
    let (stem, extension) = folded.split_at(folded.rfind('.').unwrap_or(folded.len()));
    stem.to_ascii_uppercase() + extension
}

/// Whether a name may be neither its folded form nor that in capital letters.
fn is_mixed(name: &str) -> bool {
    let (stem, extension) = name.split_at(name.rfind('.').unwrap_or(name.len()));
    let capitals = |text: &str| text.bytes().any(|byte| byte.is_ascii_uppercase());
    let small = || stem.bytes().any(|byte| byte.is_ascii_lowercase());
    !name.is_ascii() || capitals(extension) || (capitals(stem) && small())
}

/// The names of a collection's files that are written in neither of the two ways.
#[derive(Clone, Debug, Default)]
pub(super) struct Mixed(OrdSet<(u32, Arc<str>)>);

impl Mixed {
    pub(super) fn insert(&mut self, name: &Arc<str>) {
        if is_mixed(name) {
            self.0.insert((hash(&folded(name)), name.clone()));
        }
    }

    pub(super) fn remove(&mut self, name: &Arc<str>) {
        if is_mixed(name) {
            self.0.remove(&(hash(&folded(name)), name.clone()));
        }
    }

    /// How a file may be called whose name is `name` but for capitals and accents, itself left out:
    /// the two usual ways, and names that are there.
    pub(super) fn others(&self, name: &str) -> Vec<Arc<str>> {
        let folded = folded(name);
        let hash = hash(&folded);
        let from = (hash, Arc::from(""));
        let mixed = self.0.range(from..).take_while(|(other, _)| *other == hash);
        let mut others = vec![Arc::from(&*folded), Arc::from(capital(&folded))];
        others.extend(mixed.map(|(_, other)| other.clone()).filter(|o| self::folded(o) == folded));
        others.retain(|other| **other != *name);
        others
    }

    pub(super) fn packed(&self) -> Self {
        Self(pack::set(&self.0))
    }
}

fn hash(folded: &str) -> u32 {
    crc32fast::hash(folded.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Mixed;

    #[test]
    fn names_alike_are_found_however_they_are_written() {
        let mut mixed = Mixed::default();
        let ways = ["Caf\u{e9}.ics", "cafe\u{301}.ics", "A-b.ics", "a-B.ics", "x.ICS", "A-B.ics"];
        for way in ways {
            mixed.insert(&Arc::from(way));
        }
        let others = |mixed: &Mixed, name: &str| -> Vec<String> {
            mixed.others(name).iter().map(|other| other.to_string()).collect()
        };
        assert_eq!(mixed.0.len(), 5);
        assert_eq!(others(&mixed, "a-b.ics"), ["A-B.ics", "A-b.ics", "a-B.ics"]);
        assert_eq!(others(&mixed, "A-b.ics"), ["a-b.ics", "A-B.ics", "a-B.ics"]);
        let accents = others(&mixed, "CAF\u{c9}.ics");
        assert!(accents.contains(&ways[0].to_owned()) && accents.contains(&ways[1].to_owned()));
        assert_eq!(others(&mixed, "X.ics"), ["x.ics", "x.ICS"]);
        for way in ways {
            mixed.remove(&Arc::from(way));
        }
        assert!(mixed.0.is_empty());
    }
}
