//! What the clients of a history are about to do: each knows what it saw last, which may be out of
//! date.

use chrono::TimeDelta;

use super::super::site::{PEOPLE, Stored, guid};
use super::super::{change, event};
use super::{History, Step};
use crate::ical::{Component, Property};
use crate::schedule::object::Object;

/// Objects somebody holds before more is deleted than made.
const ENOUGH: usize = 14;
const ANSWERS: [&str; 3] = ["ACCEPTED", "TENTATIVE", "DECLINED"];

impl History {
    /// A step of somebody; none where what was chosen cannot be done.
    pub(super) fn plan(&mut self) -> Option<Step> {
        let who = *self.dice.pick(&PEOPLE);
        let objects = self.site.objects(who);
        let full = objects.len() > ENOUGH;
        if objects.is_empty() || (!full && self.dice.once_in(6)) {
            return Some(self.create(who));
        }
        let (_, path) = self.dice.pick(&objects);
        let stored = self.site.object_at(who, path)?;
        if full && self.dice.once_in(3) {
            return Some(self.delete(who, &stored));
        }
        if self.dice.once_in(25) {
            return self.relocate(who, &stored);
        }
        if event::is_organizer(&stored.calendar, who) {
            match self.dice.below(20) {
                0 => Some(self.split(who, &stored)),
                1 => Some(self.make_plain(who, &stored)),
                _ => self.organize(who, stored),
            }
        } else if event::is_attendee(&stored.calendar, who) {
            self.attend(who, stored)
        } else if event::organizer(&stored.calendar).is_none() {
            Some(self.schedule(who, &stored))
        } else {
            Some(self.delete(who, &stored))
        }
    }

    fn create(&mut self, who: &'static str) -> Step {
        let uid = format!("event-{}-{}", self.seed, self.step);
        let calendar = event::new(&mut self.dice, who, &uid);
        let folder = if calendar.main_kind() == Some("VTODO") { "tasks" } else { "calendar" };
        Step {
            what: "create",
            who,
            method: "PUT",
            url: format!("/calendars/__uids__/{}/{folder}/{uid}.ics", guid(who)),
            fields: vec![("if-none-match", "*".to_owned())],
            body: text_of(&calendar),
            uids: vec![uid],
            quiet: false,
        }
    }

    /// The instances from one on stay, those before it get an object of their own.
    fn split(&mut self, who: &'static str, stored: &Stored) -> Step {
        let older = format!("older-{}-{}", self.seed, self.step);
        let at = self.dice.maybe(&event::instances(&stored.calendar)).copied();
        let rid = at.map(|at| Object::new(&stored.calendar).in_master_form(at));
        let rid = rid.map(|rid| rid.to_property("RID").value().to_owned()).unwrap_or_default();
        Step {
            what: "split",
            who,
            method: "POST",
            url: format!("{}?action=split&rid={rid}&uid={older}", stored.url),
            fields: Vec::new(),
            body: String::new(),
            uids: vec![uid_of(stored), older],
            quiet: false,
        }
    }

    /// Everybody is left out.
    fn make_plain(&mut self, who: &'static str, stored: &Stored) -> Step {
        let mut new = stored.calendar.clone();
        event::make_plain(&mut new);
        self.put("make it one's own", who, stored, &new)
    }

    /// An event of one's own invites people.
    fn schedule(&mut self, who: &'static str, stored: &Stored) -> Step {
        let mut new = stored.calendar.clone();
        let name = event::invitee(&mut self.dice);
        for component in new.main_components_mut() {
            component.push(Property::new("ORGANIZER", &format!("mailto:{who}@example.com")));
            component.push(Property::new("ATTENDEE", &format!("mailto:{name}@example.com")));
        }
        self.put("invite to one's own", who, stored, &new)
    }

    fn delete(&mut self, who: &'static str, stored: &Stored) -> Step {
        let quiet = event::is_attendee(&stored.calendar, who) && self.dice.once_in(4);
        let reply = if quiet { "F" } else { "T" };
        Step {
            what: "delete",
            who,
            method: "DELETE",
            url: stored.url.clone(),
            fields: vec![("schedule-reply", reply.to_owned())],
            body: String::new(),
            uids: vec![uid_of(stored)],
            quiet,
        }
    }

    /// Moves and copies inside the home, and calendars that go as a whole.
    fn relocate(&mut self, who: &'static str, stored: &Stored) -> Option<Step> {
        let home = format!("/calendars/__uids__/{}", guid(who));
        let name = stored.path.name()?.to_owned();
        let here = stored.path.parent()?.to_string();
        let mut uids = vec![uid_of(stored)];
        let (what, method, url, fields): (_, _, _, Vec<(&'static str, String)>) =
            match self.dice.below(6) {
                0 => ("make a calendar", "MKCALENDAR", format!("{home}/work/"), Vec::new()),
                1 | 2 => {
                    let to = if here == "work" { "calendar" } else { "work" };
                    let to = format!("{home}/{to}/{name}");
                    ("move", "MOVE", stored.url.clone(), vec![("destination", to)])
                }
                3 => {
                    let to = if here == "work" { "calendar" } else { "work" };
                    let to = format!("{home}/{to}/copy-{name}");
                    ("copy", "COPY", stored.url.clone(), vec![("destination", to)])
                }
                4 => {
                    let to = format!("{home}/{here}/renamed-{}.ics", self.step);
                    ("rename", "MOVE", stored.url.clone(), vec![("destination", to)])
                }
                _ => {
                    let all = self.site.objects(who);
                    let inside = all.iter().filter(|(_, path)| path.segments()[0] == "work");
                    uids = inside.map(|(uid, _)| uid.clone()).collect();
                    ("delete a calendar", "DELETE", format!("{home}/work/"), Vec::new())
                }
            };
        let body = String::new();
        Some(Step { what, who, method, url, fields, body, uids, quiet: false })
    }

    /// What the client knows: mostly what is there, now and then what was there some time ago.
    fn known(&mut self, who: &'static str, stored: Stored) -> Stored {
        let key = (who, uid_of(&stored));
        let old = self.seen.get(&key).filter(|old| old.url == stored.url).cloned();
        if self.dice.once_in(3) {
            self.seen.insert(key, stored.clone());
        }
        match old {
            Some(old) if self.dice.once_in(4) => old,
            _ => stored,
        }
    }

    fn put(
        &mut self,
        what: &'static str,
        who: &'static str,
        known: &Stored,
        new: &Component,
    ) -> Step {
        let mut fields = Vec::new();
        match (&known.schedule_tag, self.dice.below(3)) {
            (Some(tag), 0 | 1) => fields.push(("if-schedule-tag-match", format!("\"{tag}\""))),
            _ => fields.push(("if-match", format!("\"{}\"", known.etag))),
        }
        Step {
            what,
            who,
            method: "PUT",
            url: known.url.clone(),
            fields,
            body: text_of(new),
            uids: vec![uid_of(known)],
            quiet: false,
        }
    }

    fn organize(&mut self, who: &'static str, stored: Stored) -> Option<Step> {
        let known = self.known(who, stored);
        let mut new = known.calendar.clone();
        let what = self.organizers_change(who, &mut new)?;
        Some(self.put(what, who, &known, &new))
    }

    fn organizers_change(&mut self, who: &str, new: &mut Component) -> Option<&'static str> {
        let dice = &mut self.dice;
        let instances = event::instances(new);
        let at = dice.maybe(&instances).copied();
        match (dice.below(20), at) {
            (0..=4, Some(at)) => change::instance(dice, self.step, at, new),
            (5..=8, _) => change::people(dice, who, new),
            (9..=10, Some(at)) => change::people_of_instance(dice, who, at, new),
            (11..=12, Some(_)) => change::recurrence(dice, new),
            (13..=14, _) => change::delivery(dice, new),
            _ => change::master(dice, self.step, new),
        }
    }

    fn attend(&mut self, who: &'static str, stored: Stored) -> Option<Step> {
        let known = self.known(who, stored);
        let mut new = known.calendar.clone();
        let dice = &mut self.dice;
        let instances = event::instances(&new);
        let at = dice.maybe(&instances).copied();
        let answer = *dice.pick(&ANSWERS);
        let what = match (dice.below(14), at) {
            (0..=3, _) => {
                for component in new.main_components_mut() {
                    event::answer(component, who, answer);
                }
                "answer"
            }
            (4 | 5, Some(at)) => {
                event::change_instance(&mut new, at, |c| {
                    event::answer(c, who, answer);
                });
                "answer an instance"
            }
            (6, Some(at)) => {
                event::exclude(&mut new, at);
                "decline an instance by EXDATE"
            }
            (7, _) => {
                event::remind(new.main_components_mut().next()?, "-PT5M");
                "remind oneself"
            }
            (8, Some(at)) => {
                event::change_instance(&mut new, at, |c| event::remind(c, "-PT9M"));
                "remind oneself of an instance"
            }
            (9, _) => {
                let component = new.main_components_mut().next()?;
                component.set(Property::new("SUMMARY", "Mine now"));
                component.set(Property::new("CATEGORIES", "PRIVATE"));
                "change what is not theirs"
            }
            (12, _) => {
                let name = event::invitee(dice);
                let component = new.main_components_mut().next()?;
                delegate_to(component, who, &format!("mailto:{name}@example.com"));
                "delegate"
            }
            (13, _) if new.main_kind() == Some("VTODO") => {
                let component = new.main_components_mut().next()?;
                component.set(Property::new("COMPLETED", "20260401T120000Z"));
                component.set(Property::new("PERCENT-COMPLETE", "100"));
                match dice.once_in(3) {
                    // Some clients drop everybody when they complete a to-do.
                    true => event::make_plain(&mut new),
                    false => drop(event::answer(component, who, "COMPLETED")),
                }
                "complete"
            }
            (10, _) => {
                event::shift(new.main_components_mut().next()?, TimeDelta::hours(1));
                "move what is not theirs"
            }
            (11, _) => {
                let now = self.dice.once_in(2);
                let stored = if now { known } else { self.site.object(who, &uid_of(&known))? };
                return Some(self.delete(who, &stored));
            }
            _ => return None,
        };
        Some(self.put(what, who, &known, &new))
    }
}

fn delegate_to(component: &mut Component, who: &str, address: &str) {
    if event::answer(component, who, "DELEGATED") {
        let mut lines = component.properties_named_mut("ATTENDEE");
        let own = lines.find(|line| line.param("PARTSTAT") == Some("DELEGATED"));
        if let Some(own) = own {
            own.set_param("DELEGATED-TO", address);
        }
    }
}

fn uid_of(stored: &Stored) -> String {
    stored.calendar.uid().unwrap_or_default().to_owned()
}

fn text_of(calendar: &Component) -> String {
    String::from_utf8_lossy(&calendar.to_bytes()).into_owned()
}
