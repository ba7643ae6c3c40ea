//! `DAV:principal-property-search` (RFC 3744 §9.4) with the attributes Apple added: `test` and
//! `type` on the root, `caseless` and `match-type` on `match`, and a limit.

use super::selection::names;
use super::{Selection, check_root, limit, malformed};
use crate::dav::name::{CALENDARSERVER, DAV};
use crate::dav::{Name, Result};
use crate::xml::Element;

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalPropertySearch {
    /// What to look for.
    pub searches: Vec<Search>,
    /// Whether all searches must match, else any.
    pub all: bool,
    /// Only principals of this calendar user type (`INDIVIDUAL`, `GROUP`, `RESOURCE`, `ROOM`).
    pub user_type: Option<String>,
    /// The properties asked for.
    pub selection: Selection,
    /// Whether to search the collections of `DAV:principal-collection-set` instead of this one.
    pub everywhere: bool,
    /// The most results wanted.
    pub limit: Option<usize>,
}

/// One text in some properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The properties, all of which are searched for the text (RFC 3744 §9.4).
    pub properties: Vec<Name>,
    /// The text.
    pub text: String,
    /// Where it must stand.
    pub kind: MatchKind,
    /// Whether case is ignored.
    pub caseless: bool,
}

/// Where a text must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// At the beginning.
    StartsWith,
    /// Anywhere.
    Contains,
    /// It is the whole value.
    Equals,
}

impl PrincipalPropertySearch {
    /// Reads the body.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::dav("principal-property-search"))?;
        let all = match root.attribute("test") {
            None | Some("allof") => true,
            Some("anyof") => false,
            Some(_) => return Err(malformed("test is neither allof nor anyof")),
        };
        let user_type = match root.attribute("type") {
            None => None,
            Some(kind @ ("INDIVIDUAL" | "GROUP" | "RESOURCE" | "ROOM")) => Some(kind.to_owned()),
            Some(_) => return Err(malformed("type is not a calendar user type")),
        };
        let searches: Vec<Search> =
            root.children_named(DAV, "property-search").map(search).collect::<Result<_>>()?;
        if searches.is_empty() {
            return Err(malformed("nothing to search for"));
        }
        Ok(Self {
            searches,
            all,
            user_type,
            selection: Selection::of_report(root)?,
            everywhere: root.child(DAV, "apply-to-principal-collection-set").is_some(),
            limit: limit(root, CALENDARSERVER)?,
        })
    }
}

fn search(element: &Element) -> Result<Search> {
    let prop = element.child(DAV, "prop").ok_or_else(|| malformed("a search without prop"))?;
    let text = element.child(DAV, "match").ok_or_else(|| malformed("a search without match"))?;
    let kind = match text.attribute("match-type") {
        Some("starts-with") => MatchKind::StartsWith,
        None | Some("contains") => MatchKind::Contains,
        Some("equals") => MatchKind::Equals,
        Some(_) => return Err(malformed("an unknown match-type")),
    };
    let caseless = match text.attribute("caseless") {
        None | Some("yes") => true,
        Some("no") => false,
        Some(_) => return Err(malformed("caseless is neither yes nor no")),
    };
    Ok(Search { properties: names(prop), text: text.text().into_owned(), kind, caseless })
}
