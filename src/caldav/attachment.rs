//! Managed attachments in calendar objects (RFC 8607 §3): ATTACH properties with MANAGED-ID, and
//! the instances that `rid` names. Pure; where attachments lie is the methods' business.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::ical::recur::Derivation;
use crate::ical::{Component, DateOrTime, Property, Zones};

const MANAGED_ID: &str = "MANAGED-ID";
/// Instances that one `rid` may name.
const RIDS_MAX: usize = 100;

/// What an ATTACH tells of a managed attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// MANAGED-ID.
    pub id: String,
    /// Where it is.
    pub url: String,
    /// FMTTYPE.
    pub media_type: String,
    /// FILENAME.
    pub filename: String,
    /// SIZE.
    pub bytes: usize,
}

/// One of the instances that `rid` names.
#[derive(Clone, Debug, PartialEq)]
pub enum Rid {
    /// `M`: the component without RECURRENCE-ID.
    Master,
    /// The instance with this RECURRENCE-ID.
    At(DateOrTime),
}

impl Managed {
    fn line(&self) -> Property {
        self.written_over(&Property::new("ATTACH", &self.url))
    }

    /// The line with what is known about the attachment; other parameters stay.
    fn written_over(&self, line: &Property) -> Property {
        let mut line = line.clone();
        line.set_value(&self.url);
        for (name, value) in [
            (MANAGED_ID, self.id.as_str()),
            ("FMTTYPE", &self.media_type),
            ("FILENAME", &self.filename),
            ("SIZE", &self.bytes.to_string()),
        ] {
            if line.param(name) != Some(value) {
                line.set_param(name, value);
            }
        }
        line
    }
}

/// The attachments that an object names.
pub fn ids(calendar: &Component) -> BTreeSet<String> {
    let lines = calendar.main_components().flat_map(|main| main.properties_named("ATTACH"));
    lines.filter_map(|line| line.param(MANAGED_ID)).map(str::to_owned).collect()
}

/// Reads `rid` (§3.3.2): `M` and RECURRENCE-ID values, with commas between them.
pub fn rids(text: &str) -> Option<Vec<Rid>> {
    let rid = |text: &str| match text {
        "M" | "m" => Some(Rid::Master),
        _ => {
            let value = Property::new("RECURRENCE-ID", text);
            let day = text.len() == 8;
            let value = if day { value.with_param("VALUE", "DATE") } else { value };
            DateOrTime::from_property(&value).ok().map(Rid::At)
        }
    };
    let parts: Vec<&str> = text.split(',').collect();
    if parts.len() > RIDS_MAX {
        return None;
    }
    parts.into_iter().map(rid).collect()
}

/// Adds an attachment to the instances named, or to all components. False when one of them does
/// not exist; the object may be changed then.
pub fn add(calendar: &mut Component, rids: Option<&[Rid]>, zones: &Zones, it: &Managed) -> bool {
    each(calendar, rids, zones, &mut |component| {
        if !component.properties().any(|line| names(line, &it.id)) {
            component.push(it.line());
        }
    })
}

/// Takes an attachment from the instances named, or from everywhere. False when one of them does
/// not exist; the object may be changed then.
pub fn remove(calendar: &mut Component, rids: Option<&[Rid]>, zones: &Zones, id: &str) -> bool {
    each(calendar, rids, zones, &mut |component| {
        component.retain_properties(|line| !names(line, id));
    })
}

/// Puts one attachment in the place of another, or what is known about it in its own place.
pub fn replace(calendar: &mut Component, id: &str, it: &Managed) {
    for component in calendar.main_components_mut() {
        for line in component.properties_named_mut("ATTACH").filter(|line| names(line, id)) {
            let new = it.written_over(line);
            if *line != new {
                *line = new;
            }
        }
    }
}

fn names(line: &Property, id: &str) -> bool {
    line.name() == "ATTACH" && line.param(MANAGED_ID) == Some(id)
}

fn each(
    calendar: &mut Component,
    rids: Option<&[Rid]>,
    zones: &Zones,
    change: &mut dyn FnMut(&mut Component),
) -> bool {
    let Some(rids) = rids else {
        calendar.main_components_mut().for_each(change);
        return true;
    };
    let Some(implied) = implied(calendar, rids, zones) else { return false };
    implied.into_iter().for_each(|component| calendar.push_component(component));
    for rid in rids {
        let component = match rid {
            Rid::Master => calendar.master_mut(),
            Rid::At(at) => {
                let at = Some(zones.to_utc(at));
                calendar.main_components_mut().find(|component| instant(component, zones) == at)
            }
        };
        let Some(component) = component else { return false };
        change(component);
    }
    true
}

/// Components for the instances that the master only implies. They are asked for together, so
/// that all of them share one budget; `None` when one does not exist.
fn implied(calendar: &Component, rids: &[Rid], zones: &Zones) -> Option<Vec<Component>> {
    let there: BTreeSet<DateTime<Utc>> =
        calendar.main_components().filter_map(|component| instant(component, zones)).collect();
    let named = rids.iter().filter_map(|rid| match rid {
        Rid::Master => None,
        Rid::At(at) => Some(zones.to_utc(at)),
    });
    let missing: BTreeSet<DateTime<Utc>> = named.filter(|at| !there.contains(at)).collect();
    if missing.is_empty() {
        return Some(Vec::new());
    }
    let instances = Derivation::read(calendar, zones)?;
    missing.into_iter().map(|at| instances.derive(zones, at)).collect()
}

/// The instance that a component is about, if it is about one.
fn instant(component: &Component, zones: &Zones) -> Option<DateTime<Utc>> {
    let line = component.property("RECURRENCE-ID")?;
    Some(zones.to_utc(&DateOrTime::from_property(line).ok()?))
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, NaiveTime, TimeDelta};

    use super::*;
    use crate::ical::recur::TAKEN;
    use crate::ical::{Zone, parse};
    use crate::limits;

    fn managed(id: &str) -> Managed {
        Managed {
            id: id.to_owned(),
            url: format!("https://cal.example.com/{id}/a.txt"),
            media_type: "text/plain".to_owned(),
            filename: "a.txt".to_owned(),
            bytes: 3,
        }
    }

    fn daily() -> (Component, Zones) {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\n\
                    DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T090000Z\r\nRRULE:FREQ=DAILY\r\n\
                    END:VEVENT\r\nEND:VCALENDAR\r\n";
        let calendar = parse(text.as_bytes()).unwrap();
        let zones = Zones::of(&calendar, &Zone::utc());
        (calendar, zones)
    }

    #[test]
    fn attachments_are_added_replaced_and_removed() {
        let (mut calendar, zones) = daily();
        assert!(add(&mut calendar, None, &zones, &managed("one")));
        let text = String::from_utf8(calendar.to_bytes()).unwrap().replace("\r\n ", "");
        let line = "ATTACH;MANAGED-ID=one;FMTTYPE=text/plain;FILENAME=a.txt;SIZE=3:\
                    https://cal.example.com/one/a.txt\r\n";
        assert!(text.contains(line), "{text}");
        replace(&mut calendar, "one", &managed("two"));
        replace(&mut calendar, "none", &managed("three"));
        assert_eq!(ids(&calendar), BTreeSet::from(["two".to_owned()]));
        assert!(remove(&mut calendar, None, &zones, "two"));
        assert!(ids(&calendar).is_empty());
    }

    #[test]
    fn rid_names_instances() {
        let (mut calendar, zones) = daily();
        let some = rids("M,20260107T090000Z").unwrap();
        assert!(add(&mut calendar, Some(&some), &zones, &managed("one")));
        assert_eq!(calendar.main_components().count(), 2);
        // The new override was made of the master, which had the attachment already.
        let lines = |c: &Component| c.properties_named("ATTACH").count();
        assert_eq!(calendar.main_components().map(lines).collect::<Vec<_>>(), [1, 1]);
        assert!(remove(&mut calendar, Some(&some[1..]), &zones, "one"));
        assert_eq!(calendar.main_components().map(lines).collect::<Vec<_>>(), [1, 0]);
        let none = rids("20260107T093000Z").unwrap();
        assert!(!add(&mut calendar, Some(&none), &zones, &managed("one")));
        for wrong in ["", "x", "M,", "20260107T", "M,,M"] {
            assert_eq!(rids(wrong), None, "{wrong}");
        }
        assert_eq!(rids(&"M,".repeat(200)), None);
        assert!(matches!(rids("20260107").unwrap()[0], Rid::At(DateOrTime::Date(..))));
        let many = vec!["M"; RIDS_MAX].join(",");
        assert_eq!(rids(&many).map(|rids| rids.len()), Some(RIDS_MAX));
        assert_eq!(rids(&format!("{many},M")), None);
    }

    /// A rule that has to be followed from its start for each instance that is far away: what one
    /// `rid` may cost does not grow with the instances it names.
    #[test]
    fn the_instances_of_one_rid_share_one_budget() {
        let minutes = limits::FOLLOWED_INSTANCES + 5_000;
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\n\
             DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\n\
             RRULE:FREQ=MINUTELY;COUNT={minutes}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let calendar = parse(text.as_bytes()).unwrap();
        let zones = Zones::of(&calendar, &Zone::utc());
        let start = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap().and_time(NaiveTime::MIN);
        let far: Vec<Rid> = (1..=10)
            .map(|back| start + TimeDelta::minutes(minutes as i64 - back))
            .map(|at| Rid::At(DateOrTime::Utc(at)))
            .collect();
        let fits = |rids: &[Rid]| add(&mut calendar.clone(), Some(rids), &zones, &managed("one"));
        for one in &far {
            assert!(fits(std::slice::from_ref(one)), "{one:?}");
        }
        let before = TAKEN.get();
        assert!(!fits(&far));
        // Those of the questions together, and of following the rule once.
        let taken = TAKEN.get() - before;
        assert!(taken <= 2 * limits::RECURRENCE_STEPS + 10, "{taken}");
    }
}
