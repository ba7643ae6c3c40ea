//! A random history of one site: ten people and a room create, change, answer, move and delete,
//! and now and then the process dies in the middle of it.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::dice::Dice;
use super::event;
use super::site::{PEOPLE, ROOM, Site, Stored, delegate, guid};
use crate::disk::fault::{Fault, arm, disarm};
use crate::ical;

/// What a client is about to do.
struct Step {
    what: &'static str,
    /// Whose calendar it is.
    who: &'static str,
    method: &'static str,
    url: String,
    fields: Vec<(&'static str, String)>,
    body: String,
    /// The UIDs it is about.
    uids: Vec<String>,
    /// The attendee's copy may go without a word.
    quiet: bool,
}

pub struct History {
    seed: u64,
    dice: Dice,
    site: Site,
    step: usize,
    /// Copies that their owners removed without telling anybody.
    unsaid: BTreeSet<(String, String)>,
    /// What clients saw some time ago.
    seen: BTreeMap<(&'static str, String), Stored>,
    /// What was done, with the UIDs it was about.
    log: Vec<(Vec<String>, String)>,
    pub crashes: usize,
}

impl History {
    pub fn new(seed: u64) -> Self {
        let (unsaid, seen) = (BTreeSet::new(), BTreeMap::new());
        let site = Site::new(|_| {});
        let dice = Dice::new(seed);
        Self { seed, dice, site, step: 0, unsaid, seen, log: Vec::new(), crashes: 0 }
    }

    pub fn play(&mut self, steps: usize) {
        let mut statuses: BTreeMap<(&str, u16), usize> = BTreeMap::new();
        while self.step < steps {
            self.step += 1;
            let Some(step) = self.plan() else { continue };
            let status = self.run(&step);
            *statuses.entry((step.what, status)).or_default() += 1;
            for uid in &step.uids {
                self.check_event(uid, &step);
            }
            if self.step.is_multiple_of(500) || self.step == steps {
                self.check_everything();
            }
        }
        println!("seed {}: {} crashes, {statuses:?}", self.seed, self.crashes);
    }

    /// Carries a step out; 0 when the process died meanwhile.
    fn run(&mut self, step: &Step) -> u16 {
        let fields: Vec<(&str, &str)> =
            step.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let dies = self.dice.once_in(10);
        if dies {
            arm(self.dice.below(50), Fault::Die);
        }
        if step.quiet {
            self.unsaid.extend(step.uids.iter().map(|uid| (uid.clone(), guid(step.who))));
        }
        // Now and then a delegate acts.
        let actor = if self.dice.once_in(5) { delegate(step.who) } else { step.who };
        if let ("split", [uid, older]) = (step.what, &step.uids[..]) {
            let known = self.unsaid.iter().filter(|(known, _)| known == uid);
            let both: Vec<_> = known.map(|(_, guid)| (older.clone(), guid.clone())).collect();
            self.unsaid.extend(both);
        }
        let reply = self.site.request(actor, step.method, &step.url, &fields, &step.body);
        let died = dies && disarm();
        let line = format!(
            "{}: {actor} for {} {} {} {} {:?} -> {}{}",
            self.step,
            step.who,
            step.what,
            step.method,
            step.url,
            step.fields,
            reply.status,
            if died { " DIED" } else { "" }
        );
        self.log.push((step.uids.clone(), line));
        if died {
            self.crashes += 1;
            self.site.start_again();
            return 0;
        }
        let fine = reply.status < 500 && reply.status != 400 && reply.status != 401;
        assert!(fine, "{}\n{}\n{}", self.context(step), reply.status, reply.body);
        reply.status
    }

    fn context(&self, step: &Step) -> String {
        let mut text = format!("seed {}, step {}: {}\n", self.seed, self.step, step.what);
        let about = self.log.iter().filter(|(uids, _)| uids.iter().any(|u| step.uids.contains(u)));
        let lines: Vec<&String> = about.map(|(_, line)| line).collect();
        lines.iter().rev().take(12).rev().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        if let Ok(calendar) = ical::parse(step.body.as_bytes()) {
            let _ = writeln!(text, "{}", event::print(&calendar));
        }
        text
    }

    fn check_event(&self, uid: &str, step: &Step) {
        let mut found = self.site.disagreements_of(uid);
        found.retain(|(_, finding)| finding.certain || !self.is_unsaid(uid, &finding.reason));
        if found.is_empty() {
            return;
        }
        let mut text = self.context(step);
        for who in PEOPLE.iter().chain([&ROOM]) {
            if let Some(stored) = self.site.object(who, uid) {
                let _ = writeln!(text, "--- {who}\n{}", event::print(&stored.calendar));
            }
        }
        for (who, finding) in &found {
            let _ = writeln!(text, "{who}: {:?}: {}", finding.instance, finding.reason);
        }
        panic!("{text}");
    }

    fn is_unsaid(&self, uid: &str, reason: &str) -> bool {
        self.unsaid.iter().any(|(known, guid)| known == uid && reason.contains(guid.as_str()))
    }

    fn check_everything(&mut self) {
        self.site.settle();
        let found = self.site.disagreements();
        let found: Vec<_> = found.iter().filter(|finding| finding.certain).collect();
        assert!(found.is_empty(), "seed {}, step {}: {found:#?}", self.seed, self.step);
        let damage = self.site.damage();
        let about = |line: &&String| damage.iter().any(|finding| is_about(&finding.path, line));
        let history: Vec<&String> = self.log.iter().map(|(_, line)| line).filter(about).collect();
        assert!(
            damage.is_empty(),
            "seed {}, step {}: {damage:#?}\n{history:#?}",
            self.seed,
            self.step
        );
        assert!(self.site.left_behind().is_empty(), "{:?}", self.site.left_behind());
        self.check_room();
    }

    /// What the room has accepted never overlaps.
    fn check_room(&self) {
        let mut taken = Vec::new();
        for (uid, path) in self.site.objects(ROOM) {
            let Some(stored) = self.site.object_at(ROOM, &path) else { continue };
            for (start, end) in event::accepted(&stored.calendar, ROOM) {
                taken.push((start, end, uid.clone()));
            }
        }
        taken.sort();
        for pair in taken.windows(2) {
            let apart = pair[0].1 <= pair[1].0 || pair[0].2 == pair[1].2;
            assert!(apart, "seed {}, step {}: booked twice: {pair:?}", self.seed, self.step);
        }
    }
}

/// Whether a step was about the file that is at this path now.
fn is_about(path: &std::path::Path, line: &str) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| line.contains(name))
}
