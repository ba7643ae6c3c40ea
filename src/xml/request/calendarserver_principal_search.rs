//! `CS:calendarserver-principal-search`: Apple's search by words, for address fields that complete
//! while someone types.

use super::{Selection, check_root, limit, malformed};
use crate::dav::name::CALENDARSERVER;
use crate::dav::{Name, Result};
use crate::xml::Element;

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct CalendarserverPrincipalSearch {
    /// Which principals are meant.
    pub context: SearchContext,
    /// Words that must all be found.
    pub tokens: Vec<String>,
    /// The properties asked for.
    pub selection: Selection,
    /// The most results wanted.
    pub limit: Option<usize>,
}

/// The field somebody types into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchContext {
    /// Everyone.
    Any,
    /// Whoever can be invited.
    Attendee,
    /// People and groups.
    User,
    /// Groups.
    Group,
    /// Rooms.
    Location,
    /// Other resources.
    Resource,
}

impl CalendarserverPrincipalSearch {
    /// Reads the body.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::calendarserver("calendarserver-principal-search"))?;
        let context = match root.attribute("context") {
            None => SearchContext::Any,
            Some("attendee") => SearchContext::Attendee,
            Some("user") => SearchContext::User,
            Some("group") => SearchContext::Group,
            Some("location") => SearchContext::Location,
            Some("resource") => SearchContext::Resource,
            Some(_) => return Err(malformed("an unknown context")),
        };
        let tokens: Vec<String> = root
            .children_named(CALENDARSERVER, "search-token")
            .map(|token| token.text().trim().to_owned())
            .filter(|token| !token.is_empty())
            .collect();
        if tokens.is_empty() {
            return Err(malformed("nothing to search for"));
        }
        let limit = limit(root, CALENDARSERVER)?;
        Ok(Self { context, tokens, selection: Selection::of_report(root)?, limit })
    }
}
