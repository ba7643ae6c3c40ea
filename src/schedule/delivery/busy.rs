//! When a calendar user is busy, out of their calendars (RFC 4791 §7.10, RFC 6638 §5): those that
//! are not transparent, candidates taken from the index.

use std::sync::Arc;

use bytes::Bytes;

use crate::caldav::free_busy::{BusyTime, Options};
use crate::caldav::{Period, Timetable};
use crate::dav::Name;
use crate::ical;
use crate::ical::timezone::{Zone, Zones};
use crate::store::{
    Candidate, Derived, File, HomePath, ObjectEntry, PropertySet, Snapshot, StoreError,
};

/// Only objects with an access control list of their own have to be asked about one by one.
const ACL: Name = Name::dav("acl");
const TRANSPARENCY: Name = Name::caldav("schedule-calendar-transp");
const TIMEZONE: Name = Name::caldav("calendar-timezone");
const AVAILABILITY: Name = Name::calendarserver("calendar-availability");
const CALDAV_AVAILABILITY: Name = Name::caldav("calendar-availability");

/// Reads a file of the home the snapshot is of.
pub type Reader<'a> = &'a dyn Fn(&HomePath) -> Result<Option<Bytes>, StoreError>;

/// Busy time of one home. `counts` says which calendars and objects the asker may learn of.
pub fn busy_time(
    snapshot: &Snapshot,
    (read, derived): (Reader<'_>, &Derived),
    bounds: Period,
    options: &Options<'_>,
    counts: &dyn Fn(&HomePath) -> bool,
) -> Result<BusyTime, StoreError> {
    let mut busy = BusyTime::new(bounds);
    for (path, collection) in snapshot.calendars() {
        if is_transparent(&collection.properties) || !counts(&path) {
            continue;
        }
        let floating = zone_of(&collection.properties).unwrap_or_else(Zone::utc);
        let day = 86_400;
        let (start, end) = (bounds.start.timestamp() - day, bounds.end.timestamp() + day);
        for Candidate { file, .. } in snapshot.overlapping(&path, Some(start), Some(end)) {
            let File { name, entry: object } = file;
            let uid = object.calendar().map(|summary| summary.uid());
            if options.masked_uid.is_some() && uid == options.masked_uid {
                continue;
            }
            if object.properties.get(&ACL).is_some() && !counts(&path.join(name)) {
                continue;
            }
            let known = derived.get::<Timetable>(&object.hash);
            let known = known.filter(|known| known.covers(&floating, bounds));
            if known.is_some_and(|known| known.add_to(&mut busy, options)) {
                continue;
            }
            let Some(bytes) = read(&path.join(name))? else { continue };
            let Ok(calendar) = ical::parse(&bytes) else { continue };
            if let Some(timetable) = Timetable::of(&calendar, &floating, bounds) {
                let size = timetable.size();
                derived.put(ObjectEntry::hash_of(&bytes), Arc::new(timetable), size);
            }
            let zones = Zones::of(&calendar, &floating);
            if let Err(error) = busy.add_object(&calendar, &zones, options) {
                // Too many instances to look at: rather busy than booked twice.
                tracing::debug!(%error, %path, "an event counts as busy all the time");
                busy.add("BUSY", bounds);
            }
        }
    }
    Ok(busy)
}

/// Adds the time that the owner's availability leaves out.
pub fn add_availability(busy: &mut BusyTime, snapshot: &Snapshot) {
    let Some(properties) = snapshot.properties(&super::default_calendar::inbox()) else { return };
    let text = properties.text(&AVAILABILITY).or_else(|| properties.text(&CALDAV_AVAILABILITY));
    let Some(calendar) = text.and_then(|text| ical::parse(text.trim().as_bytes()).ok()) else {
        return;
    };
    // Working hours without a zone are meant where the owner's calendar is (RFC 7953 §4).
    let home = super::default_calendar::current(snapshot, "VEVENT");
    let properties = home.and_then(|path| snapshot.properties(&path));
    let floating = properties.and_then(|p| zone_of(&p)).unwrap_or_else(Zone::utc);
    let zones = Zones::of(&calendar, &floating);
    if let Err(error) = busy.add_availability([(&calendar, &zones)]) {
        tracing::debug!(%error, "an availability cannot be read");
    }
}

/// Whether a calendar never makes its owner busy (RFC 6638 §9.1).
pub(super) fn is_transparent(properties: &PropertySet) -> bool {
    properties.get(&TRANSPARENCY).is_some_and(|xml| xml.contains("transparent"))
}

/// The zone in which a calendar's floating times and days are meant.
pub(super) fn zone_of(properties: &PropertySet) -> Option<Zone> {
    let calendar = ical::parse(properties.text(&TIMEZONE)?.trim().as_bytes()).ok()?;
    let definition = calendar.timezones().next()?;
    Zone::named(definition.value_of("TZID")?).or_else(|| Zone::from_vtimezone(definition))
}
