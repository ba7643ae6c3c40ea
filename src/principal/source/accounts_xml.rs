//! The reference system's accounts file: `<accounts realm="…">` with `user`, `group`, `location`
//! and `resource` elements, `repeat="n"` with printf-style counters, members and proxies. Unknown
//! elements are errors there and here.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Draft, Entry, Flaw, Reference};
use crate::principal::record::{AutoScheduleMode, RecordType};

/// Copies one `repeat` may make.
const REPEAT_LIMIT: u32 = 100_000;

/// An element with its text and children; accounts files are three levels deep.
struct Node {
    line: usize,
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Node>,
}

impl Node {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub(super) fn read(text: &str) -> Result<Draft, Flaw> {
    let root = tree(text)?;
    if root.name != "accounts" {
        let reason = format!("the root element is {}, not accounts", root.name);
        return Err(Flaw::new(root.line, reason));
    }
    let mut draft = Draft { realm: root.attribute("realm").map(str::to_owned), ..Draft::default() };
    for node in &root.children {
        let record_type = match node.name.as_str() {
            "user" => RecordType::User,
            "group" => RecordType::Group,
            "location" => RecordType::Location,
            "resource" => RecordType::Resource,
            other => return Err(Flaw::new(node.line, format!("unknown element {other}"))),
        };
        let template = entry(node, record_type)?;
        match repeat(node)? {
            1 => draft.entries.push(template),
            copies => {
                if template.secret.plain.is_none() || template.full_name.is_none() {
                    let reason = "repeat needs a password and a name";
                    return Err(Flaw::new(node.line, reason));
                }
                draft.entries.extend((1..=copies).map(|number| copy(&template, number)));
            }
        }
    }
    Ok(draft)
}

fn repeat(node: &Node) -> Result<u32, Flaw> {
    match node.attribute("repeat").map(|text| text.trim().parse::<u32>()) {
        None => Ok(1),
        Some(Ok(copies @ 1..=REPEAT_LIMIT)) => Ok(copies),
        Some(_) => Err(Flaw::new(node.line, format!("repeat is a number up to {REPEAT_LIMIT}"))),
    }
}

fn entry(node: &Node, record_type: RecordType) -> Result<Entry, Flaw> {
    let mut entry = Entry::new(node.line, record_type);
    entry.auto_schedule = Some(AutoScheduleMode::None);
    for child in &node.children {
        let text = child.text.trim().to_owned();
        match child.name.as_str() {
            "uid" => entry.short_names.push(text),
            "guid" => entry.guid = (!text.is_empty()).then_some(text),
            "password" => entry.secret.plain = Some(text),
            "name" => entry.full_name = Some(text),
            "first-name" => entry.first_name = Some(text),
            "last-name" => entry.last_name = Some(text),
            "email-address" => entry.emails.push(text),
            "cuaddr" => entry.addresses.push(text),
            "members" if record_type == RecordType::Group => entry.members = members(child)?,
            "proxies" => entry.write_proxies = members(child)?,
            "read-only-proxies" => entry.read_proxies = members(child)?,
            "auto-schedule" => entry.auto_schedule = Some(AutoScheduleMode::Automatic),
            "disable-calendar" => entry.calendar_enabled = false,
            other => return Err(Flaw::new(child.line, format!("unknown element {other}"))),
        }
    }
    Ok(entry)
}

fn members(node: &Node) -> Result<Vec<Reference>, Flaw> {
    let member = |child: &Node| {
        if child.name != "member" {
            return Err(Flaw::new(child.line, format!("unknown element {}", child.name)));
        }
        let segment = child.attribute("type").unwrap_or("users");
        let record_type = RecordType::from_segment(segment)
            .ok_or_else(|| Flaw::new(child.line, format!("no such type: {segment}")))?;
        let text = child.text.trim().to_owned();
        Ok(Reference { record_type: Some(record_type), text })
    };
    node.children.iter().map(member).collect()
}

/// The copy of a repeated record; members and proxies are shared unchanged.
fn copy(template: &Entry, number: u32) -> Entry {
    let mut entry = template.clone();
    let texts =
        [&mut entry.guid, &mut entry.full_name, &mut entry.first_name, &mut entry.last_name];
    for text in texts.into_iter().chain([&mut entry.secret.plain]) {
        *text = text.as_ref().map(|text| count(text, number));
    }
    for list in [&mut entry.short_names, &mut entry.emails, &mut entry.addresses] {
        for text in list {
            *text = count(text, number);
        }
    }
    entry
}

/// `%d`, `%02d` and their like become the number, `%%` a percent sign.
fn count(text: &str, number: u32) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (width, tail) = after.split_at(digits);
        let zero = width.starts_with('0');
        let width = width.parse::<usize>().unwrap_or(0).min(64);
        let mut chars = tail.chars();
        match chars.next() {
            Some('d' | 'i' | 'u') if zero => out.push_str(&format!("{number:0width$}")),
            Some('d' | 'i' | 'u' | 's') => out.push_str(&format!("{number:width$}")),
            Some('%') => out.push('%'),
            _ => {
                out.push('%');
                rest = after;
                continue;
            }
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

fn tree(text: &str) -> Result<Node, Flaw> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Node> = Vec::new();
    loop {
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let flaw = |reason: String| Flaw::at(text, offset, reason);
        match reader.read_event().map_err(|error| flaw(error.to_string()))? {
            Event::Start(start) if open.len() < 8 => open.push(node(text, offset, &start)?),
            Event::Start(_) => return Err(flaw("elements are nested too deeply".into())),
            Event::Empty(start) => {
                let node = node(text, offset, &start)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => return Ok(node),
                }
            }
            Event::End(_) => {
                let Some(node) = open.pop() else { return Err(flaw("a stray end tag".into())) };
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => return Ok(node),
                }
            }
            Event::Text(more) => push(&mut open, &more.xml10_content()),
            Event::CData(more) => push(&mut open, &more.xml10_content()),
            Event::GeneralRef(entity) => push(&mut open, &resolve(&entity).map_err(flaw)?),
            Event::Eof => return Err(flaw("the file ends too early".into())),
            Event::DocType(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

fn resolve(entity: &quick_xml::events::BytesRef<'_>) -> Result<String, String> {
    if let Ok(Some(character)) = entity.resolve_char_ref() {
        return Ok(character.to_string());
    }
    let name = entity.xml10_content();
    match quick_xml::escape::resolve_xml_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("unknown entity {name}")),
    }
}

fn push(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
}

fn node(text: &str, offset: usize, start: &BytesStart<'_>) -> Result<Node, Flaw> {
    let flaw = |reason: String| Flaw::at(text, offset, reason);
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| flaw(error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| flaw(error.to_string()))?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    let line = Flaw::at(text, offset, "").line;
    let name = start.name().as_ref().to_owned();
    Ok(Node { line, name, attributes, text: String::new(), children: Vec::new() })
}
