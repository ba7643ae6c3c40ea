//! `DAV:sync-collection` (RFC 6578 §3.2, §6.1).

use super::selection::calendar_data;
use super::{Selection, check_root, limit, malformed};
use crate::dav::name::DAV;
use crate::dav::{Name, Result};
use crate::xml::Element;

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncCollection {
    /// The token of the last synchronisation; `None` for the first one.
    pub token: Option<String>,
    /// How far down to look; absent in requests of clients older than the RFC, which say it with
    /// `Depth`.
    pub level: Option<SyncLevel>,
    /// The most results wanted.
    pub limit: Option<usize>,
    /// The properties asked for.
    pub selection: Selection,
    /// `CALDAV:calendar-data` as it was asked for.
    pub calendar_data: Option<Element>,
}

/// How far below the collection changes are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncLevel {
    /// Its members.
    One,
    /// Everything below.
    Infinite,
}

impl SyncCollection {
    /// Reads the body.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::dav("sync-collection"))?;
        let token = root.child(DAV, "sync-token").ok_or_else(|| malformed("no sync-token"))?;
        let token = Some(token.text().trim().to_owned()).filter(|token| !token.is_empty());
        let level = match root.child(DAV, "sync-level").map(|level| level.text().into_owned()) {
            None => None,
            Some(level) => Some(match level.trim() {
                "1" => SyncLevel::One,
                "infinite" | "infinity" => SyncLevel::Infinite,
                _ => return Err(malformed("sync-level is neither 1 nor infinite")),
            }),
        };
        Ok(Self {
            token,
            level,
            limit: limit(root, DAV)?,
            selection: Selection::of_report(root)?,
            calendar_data: calendar_data(root),
        })
    }
}
