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
type Write = fn(&ObjectEntry, &mut Writer);

/// A value, and how many bytes it takes where that is the same for all files.
type Value = (Write, Option<usize>);

/// Stands in the template where text is to be put; a private-use character, which no name has.
const GAP: &str = "\u{e000}";

const VALUES: &[(Name, Value)] = &[
    (Name::dav("getetag"), (etag, Some(ObjectEntry::QUOTED_ETAG_BYTES))),
    (Name::dav("getcontenttype"), (|object, writer| writer.text(&object.content_type()), None)),
    (
        Name::dav("getcontentlength"),
        (|object, writer| writer.raw(&object.size().to_string()), None),
    ),
    (Name::dav("resourcetype"), (|_, _| {}, Some(0))),
];

fn etag(object: &ObjectEntry, writer: &mut Writer) {
    writer.bytes().extend_from_slice(&object.quoted_etag());
}

/// The template for the files of one collection.
pub struct Rows {
    /// The text before the file's name.
    before: String,
    /// The text between the file's name and the first value.
    between: String,
    /// What stands in the other gaps, absent for the special property, and the text behind it.
    values: Vec<(Option<Value>, String)>,
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
        let mut pieces = template.as_str().split(GAP).map(str::to_owned);
        let (before, between) = (pieces.next()?, pieces.next()?);
        let behind: Vec<String> = pieces.collect();
        let all = behind.len() == values.len();
        all.then(|| Self { before, between, values: values.into_iter().zip(behind).collect() })
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
        let mut length = special + self.before.len() + self.between.len();
        crate::dav::path::encode_segment(name, |part| length += part.len());
        for (value, behind) in &self.values {
            length += behind.len();
            length += match value {
                None => 0,
                Some((_, Some(bytes))) => *bytes,
                Some((write, None)) => {
                    let mut writer = Writer::fragment();
                    write(object, &mut writer);
                    writer.bytes().len()
                }
            };
        }
        length
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
        writer.raw(&self.before);
        crate::dav::path::encode_segment(name, |part| writer.raw(part));
        writer.raw(&self.between);
        for (value, behind) in &self.values {
            match value {
                Some((write, _)) => write(object, writer),
                None if special(writer) => {}
                None => return false,
            }
            writer.raw(behind);
        }
        true
    }
}
