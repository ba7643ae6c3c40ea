//! A whole home as one tar file that people can read: every file with its bytes, dead properties
//! as plain XML beside them, delegates and automatic scheduling in one small text.
//!
//! ```text
//! home.toml                            format, whose it is, delegates, automatic scheduling
//! home/.properties.xml                 the home's own properties
//! home/calendar/.properties.xml        a collection's properties
//! home/calendar/.properties/A.ics.xml  the properties of A.ics, if it has any
//! home/calendar/A.ics
//! ```
//!
//! Names are the file names of the data directory (docs/storage.md), where none that begins with a
//! dot is a resource. What can be made again is not in it.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::import;
pub use write::export;

use serde::{Deserialize, Serialize};

use crate::dav::Name;
use crate::disk::attribute;
use crate::principal::Delegation;
use crate::store::CollectionKind;
use crate::transfer::Properties;
use crate::xml::{self, Element};

/// What the text at the beginning is called.
const ABOUT: &str = "home.toml";
/// The directory of everything else.
const HOME: &str = "home";
/// Properties of the collection itself.
const OWN: &str = ".properties.xml";
/// Properties of its files.
const OF_FILES: &str = ".properties";
/// The form of archive that is written.
const FORMAT: u32 = 1;

/// The text at the beginning of an archive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    format: u32,
    guid: String,
    principal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_schedule: Option<String>,
    #[serde(default)]
    delegates: Delegation,
}

/// Properties as one XML document; of a collection with what it is.
fn document(kind: Option<CollectionKind>, properties: &[(Name, String)]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<properties");
    if let Some(kind) = kind {
        text.push_str(&format!(" collection=\"{}\"", word(kind)));
    }
    text.push_str(">\n");
    for (name, value) in properties {
        match attribute::is_text(name) {
            true => text.push_str(&Element::new(name.clone()).with_text(value).to_xml()),
            false => text.push_str(value),
        }
        text.push('\n');
    }
    text.push_str("</properties>\n");
    text
}

/// The same read back, each property as it was written.
fn undocument(text: &str) -> Result<(Option<CollectionKind>, Properties), String> {
    let root = xml::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let kind = match root.attribute("collection") {
        None => None,
        Some(word) => Some(kind(word).ok_or_else(|| format!("{word} is no kind of collection"))?),
    };
    let mut written = elements_of(text).into_iter();
    let properties = root.elements().map(|element| {
        // Its own bytes, unless it needs something that was declared further out.
        let own = written
            .next()
            .filter(|own| xml::parse(own.as_bytes()).is_ok_and(|alone| alone == *element));
        let value = match attribute::is_text(&element.name) {
            true => element.text().into_owned(),
            false => own.map_or_else(|| element.to_xml(), str::to_owned),
        };
        (element.name.clone(), value)
    });
    Ok((kind, properties.collect()))
}

/// The text of each child of the root, of a document that is known to be well-formed.
fn elements_of(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start, mut at) = (Vec::new(), 0_usize, 0, 0);
    while let Some(open) = text[at..].find('<').map(|open| at + open) {
        let end_of = |what: &str| text[open..].find(what).map(|end| open + end + what.len());
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")]
            .iter()
            .find(|(begin, _)| text[open..].starts_with(begin));
        if let Some((_, end)) = skipped {
            let Some(end) = end_of(end) else { return found };
            at = end;
            continue;
        }
        let Some(end) = end_of_tag(text, open) else { return found };
        let closes = text[open..].starts_with("</");
        if closes {
            depth = depth.saturating_sub(1);
        } else if depth == 1 {
            start = open;
        }
        let empty = text[..end].ends_with("/>");
        if depth == 1 && (closes || empty) {
            found.push(&text[start..end]);
        }
        if !closes && !empty {
            depth += 1;
        }
        at = end;
    }
    found
}

/// Where a tag ends; a bracket in an attribute's value does not end it.
fn end_of_tag(text: &str, open: usize) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

const KINDS: [(CollectionKind, &str); 5] = [
    (CollectionKind::Home, "home"),
    (CollectionKind::Calendar, "calendar"),
    (CollectionKind::Inbox, "inbox"),
    (CollectionKind::Outbox, "outbox"),
    (CollectionKind::Plain, "plain"),
];

fn word(kind: CollectionKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("plain", |(_, word)| word)
}

fn kind(word: &str) -> Option<CollectionKind> {
    KINDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
}
