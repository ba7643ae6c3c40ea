//! Who changed the calendar of a room or a thing: its objects say it themselves, because nobody
//! signs in as a room (Apple's location and resource tracking). And what is booked is busy,
//! whatever a client takes for granted about all-day events, so that is written out too.

use crate::ical::{Component, Property};
use crate::principal::{Record, RecordType};

const MODIFIED_BY: &str = "X-CALENDARSERVER-MODIFIED-BY";

/// Marks an object that `actor` stores in the home of `owner`; tells whether it was changed.
pub fn mark(tree: &mut Component, owner: &Record, actor: Option<&Record>) -> bool {
    let tracked = matches!(owner.record_type, RecordType::Location | RecordType::Resource);
    let Some(actor) = actor.filter(|actor| tracked && actor.guid != owner.guid) else {
        return false;
    };
    let mut by = Property::new(MODIFIED_BY, &format!("urn:x-uid:{}", actor.guid))
        .with_param("CN", &actor.full_name);
    if let Some(email) = actor.emails.first() {
        by = by.with_param("EMAIL", email);
    }
    for main in tree.main_components_mut() {
        if main.name() == "VEVENT" && !main.has("TRANSP") {
            main.push(Property::new("TRANSP", "OPAQUE"));
        }
        main.set(by.clone());
    }
    true
}
