//! Responses about many files of one collection whose properties all stand in the index: a template
//! made once by the usual writers, into which each file's name and values are put. The result is
//! byte for byte what `Asked::answer` writes for the same file.

use super::{Asked, View};
use crate::dav::Name;
use crate::resource::Resource;
use crate::store::ObjectEntry;
use crate::xml::Writer;
use crate::xml::multistatus::write_response;

/// Writes one value as text.
type Value = fn(&ObjectEntry, &mut Writer);

/// Stands in the template where text is to be put; a private-use character, which no name has.
const GAP: &str = "\u{e000}";

const VALUES: &[(Name, Value)] = &[
    (Name::dav("getetag"), |object, writer| {
        writer.raw(std::str::from_utf8(&object.quoted_etag()).unwrap_or_default());
    }),
    (Name::dav("getcontenttype"), |object, writer| writer.text(&object.content_type())),
    (Name::dav("getcontentlength"), |object, writer| writer.raw(&object.size().to_string())),
    (Name::dav("resourcetype"), |_, _| {}),
];

/// The template for the files of one collection.
pub struct Rows {
    /// The text before, between and behind the gaps: the first gap is for the file's name.
    pieces: Vec<String>,
    /// What stands in the other gaps; absent for the special property.
    values: Vec<Option<Value>>,
}

impl Rows {
    /// The template, if the index has all that is asked for. `special` is a property whose text the
    /// caller brings along.
    pub fn of(
        view: &View,
        collection: &Resource,
        asked: &Asked,
        special: Option<&Name>,
    ) -> Option<Self> {
        let names = asked.only_named()?;
        let mut values = Vec::new();
        for name in &names {
            values.push(match special == Some(*name) {
                true => None,
                false => Some(VALUES.iter().find(|(known, _)| known == *name)?.1),
            });
        }
        let prefix = view.href(&collection.path.clone().with_slash(true));
        let mut template = Writer::fragment();
        write_response(&mut template, &format!("{prefix}{GAP}"), |propstats| {
            propstats.propstat(200, |writer| {
                names.iter().for_each(|name| writer.leaf(name, GAP));
            });
        });
        let pieces: Vec<String> = template.as_str().split(GAP).map(str::to_owned).collect();
        (pieces.len() == values.len() + 2).then_some(Self { pieces, values })
    }

    /// Writes the `DAV:response` of one file; `special` is XML.
    pub fn write(&self, name: &str, object: &ObjectEntry, special: &str, writer: &mut Writer) {
        self.write_with(name, object, writer, |writer| {
            writer.raw(special);
            true
        });
    }

    /// Bytes that `write` writes where the special property's XML has so many.
    pub fn length(&self, name: &str, object: &ObjectEntry, special: usize) -> usize {
        let mut length = special + self.pieces.iter().map(String::len).sum::<usize>();
        crate::dav::path::encode_segment(name, |part| length += part.len());
        let mut writer = Writer::fragment();
        self.values.iter().flatten().for_each(|value| value(object, &mut writer));
        length + writer.bytes().len()
    }

    /// The same with something that writes the special property's XML, or says that it cannot:
    /// then nothing is written and this is false.
    pub fn write_with(
        &self,
        name: &str,
        object: &ObjectEntry,
        writer: &mut Writer,
        special: impl Fn(&mut Writer) -> bool,
    ) -> bool {
        writer.attempt(|writer| self.fill(name, object, writer, special))
    }

    fn fill(
        &self,
        name: &str,
        object: &ObjectEntry,
        writer: &mut Writer,
        special: impl Fn(&mut Writer) -> bool,
    ) -> bool {
        let mut pieces = self.pieces.iter();
        let mut piece = |writer: &mut Writer| {
            if let Some(text) = pieces.next() {
                writer.raw(text);
            }
        };
        piece(writer);
        crate::dav::path::encode_segment(name, |part| writer.raw(part));
        piece(writer);
        for value in &self.values {
            match value {
                Some(value) => value(object, writer),
                None if special(writer) => {}
                None => return false,
            }
            piece(writer);
        }
        true
    }
}
