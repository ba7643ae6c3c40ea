//! Keeps the inbox property that names the default calendar right when that calendar moves
//! (RFC 6638 §9.2, reference system §7.13).

use crate::dav::name::{CALDAV, DAV};
use crate::dav::{DavPath, Name, Result};
use crate::resource::{INBOX, Resource};
use crate::store::{HomePath, PropertyChanges, Transaction};

const DEFAULT_CALENDAR: Name = Name::caldav("schedule-default-calendar-URL");

/// Points the property to the new place of a calendar, if it pointed to the old one.
pub fn follow(tx: &mut Transaction, from: &Resource, to: &Resource) -> Result<()> {
    let inbox = HomePath::new([INBOX]);
    let Ok(properties) = tx.properties(&inbox) else { return Ok(()) };
    let Some(stored) = properties.text(&DEFAULT_CALENDAR) else { return Ok(()) };
    let Ok(stored) = DavPath::parse(stored.trim()) else { return Ok(()) };
    if stored.segments() != from.canonical().segments() {
        return Ok(());
    }
    let local = DEFAULT_CALENDAR.local;
    let href = to.canonical().with_slash(true).href();
    let xml = format!("<{local} xmlns=\"{CALDAV}\"><href xmlns=\"{DAV}\">{href}</href></{local}>");
    tx.patch_properties(&inbox, &PropertyChanges::none().with(DEFAULT_CALENDAR, xml))?;
    Ok(())
}
