//! Property values of the reference system in each of the forms it wrote them (§3.2): XML, zlib
//! XML, zlib pickles. And which of them still mean something.

use super::pickle;
use crate::dav::name::{CALENDARSERVER, DAV, TWISTED, TWISTED_PRIVATE};
use crate::dav::{DavPath, Name};
use crate::disk::attribute;
use crate::principal::Directory;
use crate::xml::element::Node;
use crate::xml::{self, Element};

/// A stored value as the property's element; or why it is none.
pub(super) fn read(name: &Name, stored: &[u8]) -> Result<Element, String> {
    let inflated = attribute::inflate(stored);
    let plain = inflated.as_deref().unwrap_or(stored);
    let text = plain.iter().position(|byte| !byte.is_ascii_whitespace());
    if text.is_some_and(|at| plain[at] == b'<' || plain.starts_with(b"\xef\xbb\xbf")) {
        let element = xml::parse(plain).map_err(|error| error.to_string())?;
        return match element.name == *name {
            true => Ok(element),
            false => Err(format!("it holds {} instead", element.name)),
        };
    }
    let (values, root) = pickle::read(plain).map_err(|error| error.to_string())?;
    values.element(root, name).ok_or_else(|| "it is no pickled property".to_owned())
}

/// Whether a property is made again or means nothing here: tags, checksums, used bytes.
pub(super) fn is_derived(name: &Name) -> bool {
    const DERIVED: [(&str, &str); 9] = [
        (CALENDARSERVER, "getctag"),
        (TWISTED, "getcontentmd5"),
        (TWISTED, "calendar-access"),
        (TWISTED_PRIVATE, "quota-used"),
        (TWISTED_PRIVATE, "quota-root"),
        (TWISTED_PRIVATE, "scheduling-object-resource"),
        (TWISTED_PRIVATE, "scheduling-match-etags"),
        (TWISTED_PRIVATE, "calendar-has-private-comments"),
        (DAV, "getetag"),
    ];
    DERIVED.iter().any(|(namespace, local)| name.is(namespace, local))
}

/// Changes what is written differently here: principals in access lists are named by GUID, and the
/// marker of entries for everything below is in another namespace.
pub(super) fn adapt(element: &mut Element, directory: &Directory) {
    if !element.name.is(DAV, "acl") {
        return;
    }
    let mut waiting = vec![element];
    while let Some(element) = waiting.pop() {
        if element.name.is(TWISTED_PRIVATE, "inheritable") {
            element.name = Name::new(TWISTED, "inheritable");
        }
        if element.name.is(DAV, "href")
            && let Ok(path) = DavPath::parse(element.text().trim())
            && let Some(canonical) = principal(&path, directory)
        {
            element.children = vec![Node::Text(canonical.href())];
        }
        waiting.extend(element.children.iter_mut().filter_map(|node| match node {
            Node::Element(child) => Some(child),
            Node::Text(_) => None,
        }));
    }
}

/// The canonical path of a principal, or of one of its proxy groups, that is named otherwise.
fn principal(path: &DavPath, directory: &Directory) -> Option<DavPath> {
    match path.segments() {
        [root, kind, name, rest @ ..] if root == "principals" && kind != "__uids__" => {
            let path = directory.by_segments(kind, name)?.principal_path();
            Some(rest.iter().fold(path, |at, segment| at.join(segment, true)))
        }
        _ => None,
    }
}
