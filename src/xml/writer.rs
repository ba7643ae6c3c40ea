//! Writes XML into memory, escaping each text once. Namespaces the server speaks have fixed
//! prefixes declared on the root; every other name declares its own. Never a default namespace, so
//! a self-contained element (`Element::to_xml`) can be put anywhere.

use crate::dav::Name;
use crate::dav::name::{APPLE_ICAL, CALDAV, CALENDARSERVER, DAV};

const PREFIXES: [(&str, &str); 4] =
    [(DAV, "D"), (CALDAV, "C"), (CALENDARSERVER, "CS"), (APPLE_ICAL, "A")];

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

/// XML text in the making. Names are trusted to be names (`is_ncname`); texts may hold anything.
#[derive(Debug, Default)]
pub struct Writer {
    pub(super) out: Vec<u8>,
}

impl Writer {
    /// A writer for a fragment that will stand inside a document of `Writer::document`.
    pub fn fragment() -> Self {
        Self::default()
    }

    /// A whole document.
    pub fn document(root: &Name, content: impl FnOnce(&mut Writer)) -> String {
        let mut writer = Writer::default();
        writer.open_document(root);
        content(&mut writer);
        writer.close(root);
        writer.into_string()
    }

    /// What was written.
    pub fn into_string(self) -> String {
        // All that is written is text, so there is nothing to replace.
        String::from_utf8(self.out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// What was written so far.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap_or_default()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Keeps what `content` writes only if it says so.
    pub fn attempt(&mut self, content: impl FnOnce(&mut Writer) -> bool) -> bool {
        let before = self.out.len();
        let done = content(self);
        if !done {
            self.out.truncate(before);
        }
        done
    }

    /// The place for XML that is at hand as bytes, such as what `lines` once wrote: to be appended,
    /// so that it is not copied twice.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// The XML declaration and the start tag of the root with all fixed prefixes.
    pub fn open_document(&mut self, root: &Name) {
        self.out.put(DECLARATION);
        self.out.push(b'<');
        self.tag(root);
        for (namespace, prefix) in PREFIXES {
            self.out.put(" xmlns:");
            self.out.put(prefix);
            self.out.put("=\"");
            self.out.put(namespace);
            self.out.push(b'"');
        }
        self.out.push(b'>');
    }

    /// A start tag; `close` must follow.
    pub fn open(&mut self, name: &Name) {
        self.open_with(name, &[]);
    }

    /// A start tag with attributes in no namespace.
    pub fn open_with(&mut self, name: &Name, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push(b'>');
    }

    /// An end tag.
    pub fn close(&mut self, name: &Name) {
        self.out.put("</");
        self.tag(name);
        self.out.push(b'>');
    }

    /// An element with content.
    pub fn element(&mut self, name: &Name, content: impl FnOnce(&mut Writer)) {
        self.open(name);
        content(self);
        self.close(name);
    }

    /// An empty element.
    pub fn empty(&mut self, name: &Name) {
        self.empty_with(name, &[]);
    }

    /// An empty element with attributes in no namespace.
    pub fn empty_with(&mut self, name: &Name, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.put("/>");
    }

    /// An element that holds text.
    pub fn leaf(&mut self, name: &Name, text: &str) {
        self.open(name);
        self.text(text);
        self.close(name);
    }

    /// An element that holds iCalendar text.
    pub fn leaf_lines(&mut self, name: &Name, text: &str) {
        self.open(name);
        self.lines(text);
        self.close(name);
    }

    /// iCalendar text. Its line ends stay as they are: what reads the XML makes one LF of each
    /// (XML 1.0 §2.11), which everybody who reads iCalendar from XML knows.
    pub fn lines(&mut self, text: &str) {
        escape(text, &mut self.out, |c, next| match c {
            '\r' if next == Some(b'\n') => None,
            _ => text_reference(c),
        });
    }

    /// `DAV:href` with an already percent-encoded reference.
    pub fn href(&mut self, href: &str) {
        self.leaf(&Name::dav("href"), href);
    }

    /// Escaped characters.
    pub fn text(&mut self, text: &str) {
        escape_text(text, &mut self.out);
    }

    /// Well-formed, self-contained XML as it is.
    pub fn raw(&mut self, xml: &str) {
        self.out.put(xml);
    }

    fn start(&mut self, name: &Name, attributes: &[(&str, &str)]) {
        self.out.push(b'<');
        if self.tag(name) && !name.namespace.is_empty() {
            self.out.put(" xmlns:X=\"");
            escape_attribute(&name.namespace, &mut self.out);
            self.out.push(b'"');
        }
        for (attribute, value) in attributes {
            self.out.push(b' ');
            self.out.put(attribute);
            self.out.put("=\"");
            escape_attribute(value, &mut self.out);
            self.out.push(b'"');
        }
    }

    /// Writes the qualified name; true when its namespace has no fixed prefix.
    fn tag(&mut self, name: &Name) -> bool {
        let namespace = name.namespace.as_ref();
        let prefix = PREFIXES.iter().find(|(known, _)| *known == namespace).map(|found| found.1);
        if !namespace.is_empty() {
            self.out.put(prefix.unwrap_or("X"));
            self.out.push(b':');
        }
        self.out.put(&name.local);
        prefix.is_none()
    }
}

/// Where text is put.
pub(super) trait Text {
    fn put(&mut self, text: &str);
    fn room_for(&mut self, bytes: usize);
}

impl Text for String {
    fn put(&mut self, text: &str) {
        self.push_str(text);
    }

    fn room_for(&mut self, bytes: usize) {
        self.reserve(bytes);
    }
}

impl Text for Vec<u8> {
    fn put(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn room_for(&mut self, bytes: usize) {
        self.reserve(bytes);
    }
}

/// Escapes character data. A carriage return would be lost to line-end normalisation (XML 1.0
/// §2.11), so it is written as a reference; what XML 1.0 cannot hold becomes U+FFFD.
pub(super) fn escape_text(text: &str, out: &mut impl Text) {
    escape(text, out, |c, _| text_reference(c));
}

fn text_reference(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#13;"),
        _ => None,
    }
}

/// Escapes an attribute value; white space other than blanks would be normalised away.
pub(super) fn escape_attribute(text: &str, out: &mut impl Text) {
    escape(text, out, |c, _| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&apos;"),
        '\t' => Some("&#9;"),
        '\n' => Some("&#10;"),
        '\r' => Some("&#13;"),
        _ => None,
    });
}

/// ASCII characters that every escape leaves alone. U+FFFE and U+FFFF begin with 0xEF, which
/// is looked at as well; all else beyond ASCII stays.
const ORDINARY: [bool; 256] = {
    let mut table = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = false;
        byte += 1;
    }
    table[b'\n' as usize] = true;
    table[b'\t' as usize] = true;
    let special = [b'&', b'<', b'>', b'"', b'\'', 0xef];
    let mut at = 0;
    while at < special.len() {
        table[special[at] as usize] = false;
        at += 1;
    }
    table
};

/// Escapes what `replace` has a replacement for; it sees the byte that follows, too.
fn escape(
    text: &str,
    out: &mut impl Text,
    replace: impl Fn(char, Option<u8>) -> Option<&'static str>,
) {
    out.room_for(text.len());
    let breaks_matter = replace('\n', None).is_some();
    let mut rest = 0;
    for (at, byte) in text.bytes().enumerate() {
        if ORDINARY[usize::from(byte)] && !(breaks_matter && byte < b' ') {
            continue;
        }
        // Every byte that is looked at begins a character.
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { continue };
        let next = text.as_bytes().get(at + 1).copied();
        let replacement = match replace(c, next) {
            Some(replacement) => replacement,
            None if super::syntax::is_char(c) => continue,
            None => "\u{fffd}",
        };
        out.put(&text[rest..at]);
        out.put(replacement);
        rest = at + c.len_utf8();
    }
    out.put(&text[rest..]);
}
