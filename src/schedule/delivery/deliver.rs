//! Delivery to recipients of this server (RFC 6638 §4): after the commit of the change, from the
//! queue entry, one transaction in one recipient's home at a time.
//!
//! Idempotent by message id, so that replaying after a crash delivers once. The recipients' files
//! are made durable together before the queue entry is dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::alike::Alike;
use super::auto_respond;
use super::damaged;
use super::default_calendar;
use super::env::Env;
use super::inbox;
use super::queue::{self, Envelope, Work};
use super::refresh;
use super::route;
use super::schedule_tag;
use super::split;
use crate::ical::{self, Component};
use crate::metrics;
use crate::principal::Record;
use crate::schedule::attendees;
use crate::schedule::itip::{self, Message, Method};
use crate::schedule::object::Object;
use crate::schedule::process::{self, Effect, Incoming};
use crate::store::{HomePath, PropertyChanges, SpoolEntry, StoreError, Transaction, UidGuard};

/// Rounds of messages that answer messages before delivery gives up: an invitation, the answer of
/// a resource, what the others see of it.
const ROUNDS: usize = 8;

/// Work that is committed and waits to be delivered.
#[derive(Debug, Default)]
pub struct Committed {
    /// Spool id and work.
    pub works: Vec<(String, Work)>,
}

/// Delivers what a committed change asked for. The lock of the UID is held until it is done;
/// what fails stays in the queue and is tried again later.
pub fn deliver(env: &Env<'_>, guard: Option<UidGuard>, committed: Committed) {
    let mut waiting = committed.works;
    for _ in 0..ROUNDS {
        let mut next = Vec::new();
        for (id, work) in waiting {
            match run(env, &work) {
                Ok(more) => {
                    next.extend(more);
                    env.store.finish(&id);
                }
                Err(error) => tracing::error!(%error, id, "scheduling work stays in the queue"),
            }
        }
        if next.is_empty() {
            break;
        }
        waiting = next;
    }
    drop(guard);
}

/// Delivers what waits in the queue and is `chosen` by its id: what a former run of the server left
/// behind, what failed, what was put off. Returns the ids that wait then.
pub fn replay(
    env: &Env<'_>,
    chosen: impl Fn(&str) -> bool,
) -> Result<BTreeSet<String>, StoreError> {
    let entries = env.store.spool().list()?;
    for entry in entries.iter().filter(|entry| chosen(&entry.id)) {
        replay_entry(env, entry)?;
    }
    Ok(env.store.spool().list()?.into_iter().map(|entry| entry.id).collect())
}

fn replay_entry(env: &Env<'_>, entry: &SpoolEntry) -> Result<(), StoreError> {
    let Some(work) = Work::read(entry) else {
        tracing::error!(id = entry.id, "unreadable scheduling work in the queue is left alone");
        return Ok(());
    };
    match env.store.uid_lock(work.uid()) {
        // A request that held the lock until now may have done it.
        Ok(_) if !env.store.spool().holds(&entry.id) => {}
        Ok(guard) => {
            deliver(env, Some(guard), Committed { works: vec![(entry.id.clone(), work)] });
        }
        Err(error) => tracing::error!(%error, "scheduling work stays in the queue"),
    }
    Ok(())
}

/// Does one piece of work; returns what follows from it, already in the queue.
fn run(env: &Env<'_>, work: &Work) -> Result<Vec<(String, Work)>, StoreError> {
    let (mut next, mut alike) = (Vec::new(), Alike::default());
    match work {
        Work::Deliver { messages, .. } => {
            for envelope in messages {
                next.extend(deliver_one(env, envelope, &mut alike)?);
                metrics::count_message();
            }
        }
        Work::Refresh { organizer, uid, except } => {
            refresh::run(env, organizer, uid, except.as_deref())?;
        }
    }
    Ok(next)
}

/// Delivers one message; returns what follows from it. `alike` is what was delivered before.
pub(super) fn deliver_one(
    env: &Env<'_>,
    envelope: &Envelope,
    alike: &mut Alike,
) -> Result<Vec<(String, Work)>, StoreError> {
    let Some(mut message) = envelope.open() else {
        tracing::error!(id = envelope.id, "a scheduling message cannot be read");
        return Ok(Vec::new());
    };
    let Some((record, home)) = env.home_of(&message.recipient)? else { return Ok(Vec::new()) };
    let file_name = alike.file_name(message.calendar.uid().unwrap_or_default());
    if damaged::is_in_the_way(&home, &message, &file_name)?
        && let Some(whole) = damaged::whole_invitation(env, &message)?
    {
        tracing::error!(uid = message.calendar.uid(), "a damaged copy is repaired");
        message = whole;
    }
    home.write_deferred(|tx| {
        let mut delivery =
            Delivery { env, tx, record: &record, envelope, message: &message, alike, file_name };
        if delivery.was_delivered() {
            delivery.mend()?;
            return Ok(Vec::new());
        }
        match message.method {
            Method::Reply => delivery.work_on_organizer(),
            Method::Request | Method::Add | Method::Cancel => delivery.work_on_attendee(),
            Method::Refresh | Method::Counter | Method::DeclineCounter => {
                delivery.inbox_item(None)?;
                Ok(Vec::new())
            }
        }
    })
}

/// One message meets one home.
pub(super) struct Delivery<'a, 'b, 't> {
    pub(super) env: &'a Env<'b>,
    tx: &'a mut Transaction<'t>,
    record: &'a Record,
    envelope: &'a Envelope,
    pub(super) message: &'a Message,
    alike: &'a mut Alike,
    /// What the server calls copies of the event.
    file_name: Arc<str>,
}

impl Delivery<'_, '_, '_> {
    pub(super) fn uid(&self) -> &str {
        self.message.calendar.uid().unwrap_or_default()
    }

    /// The recipient's copy, wherever it is.
    pub(super) fn stored(&self) -> Result<Option<(HomePath, Component)>, StoreError> {
        for path in self.tx.snapshot().by_uid(self.uid()) {
            if let Some(bytes) = self.tx.read(&path)?
                && let Ok(calendar) = ical::parse(&bytes)
            {
                return Ok(Some((path, calendar)));
            }
        }
        Ok(None)
    }

    /// Copies and messages are named before their content is on the disk for sure: what a power
    /// failure left without it does not count.
    fn was_delivered(&self) -> bool {
        let snapshot = self.tx.snapshot();
        let copies = snapshot.by_uid(self.uid());
        if copies.is_empty() && damaged::unreadable(snapshot, &self.file_name).is_some() {
            return false;
        }
        let item = snapshot.object(&inbox::path(&self.envelope.id));
        item.is_some_and(|item| item.calendar().is_some())
            || copies.iter().any(|path| {
                let object = snapshot.object(path);
                object.is_some_and(|o| queue::is_delivered(&o.properties, &self.envelope.id))
            })
    }

    /// Gives the message in the inbox its content again, if it lost it.
    fn mend(&mut self) -> Result<(), StoreError> {
        let path = inbox::path(&self.envelope.id);
        let item = self.tx.object(&path);
        if item.is_some_and(|item| item.calendar().is_none()) {
            let (bytes, tree) = (inbox::content(self.envelope, self.message), self.message);
            self.tx.put(&path, &bytes, Some(&tree.calendar), &PropertyChanges::none())?;
        }
        Ok(())
    }

    /// Makes work durable with the transaction.
    pub(super) fn queue(&mut self, work: Work) -> (String, Work) {
        let entry = work.entry();
        let id = entry.id.clone();
        self.tx.enqueue(entry);
        (id, work)
    }

    /// An organizer's message works on the attendee's copy.
    fn work_on_attendee(&mut self) -> Result<Vec<(String, Work)>, StoreError> {
        let stored = self.stored()?;
        if let Some(cut) = split::cut_of(&self.message.calendar) {
            if let Some((path, stored)) = stored {
                split::cut_copy(self.tx, self.envelope, &path, &stored, &cut)?;
            }
            return Ok(Vec::new());
        }
        let automatic = auto_respond::mode(self.env, self.record, &self.message.originator);
        let whole = match &stored {
            None => self.whole()?,
            Some(_) => None,
        };
        let incoming = Incoming {
            message: whole.as_ref().unwrap_or(&self.message.calendar),
            stored: stored.as_ref().map(|(_, calendar)| calendar),
            recipient: &self.message.recipient,
            automatic: automatic.is_some(),
            refresh: self.message.refresh,
        };
        let known = stored.as_ref().map(|(path, _)| path.clone());
        let mut next = Vec::new();
        let mut undecided = automatic.is_none();
        let changes = match process::process(&incoming, self.env) {
            Effect::Ignored | Effect::OtherOrganizer => return Ok(next),
            Effect::Delete { changes } => {
                if let Some(path) = known {
                    self.tx.delete(&path)?;
                }
                changes
            }
            Effect::Store { mut object, changes, answers_only } => {
                if let Some(mode) = automatic
                    && self.message.method != Method::Cancel
                    && !self.message.refresh
                {
                    let recipient = &self.message.recipient;
                    let answer =
                        auto_respond::answer(self.env, self.tx, mode, &mut object, recipient);
                    undecided = answer.undecided;
                    next.extend(self.answer(answer.reply));
                }
                let path = match known {
                    Some(path) => path,
                    None => self.new_path(&object)?,
                };
                if stored.is_none_or(|(_, old)| old != object) {
                    self.store(&path, &object, answers_only)?;
                }
                changes
            }
        };
        if undecided && !self.message.refresh {
            self.inbox_item(Some(&changes.to_xml(self.env.now)))?;
        }
        Ok(next)
    }

    /// A message about some instances meets an attendee who removed the copy without declining:
    /// with those alone the calendar would not show what the organizer counts on.
    fn whole(&self) -> Result<Option<Component>, StoreError> {
        let Message { method, calendar, recipient, originator, .. } = self.message;
        if *method != Method::Request || calendar.master().is_some() {
            return Ok(None);
        }
        let theirs = route::stored(self.env, originator, self.uid())?;
        let theirs = theirs.filter(|theirs| route::organizes(self.env, theirs, originator));
        let whole = theirs
            .and_then(|theirs| itip::request(&theirs, recipient, None, self.env.now, self.env));
        let known = Object::new(calendar).instances();
        Ok(whole.filter(|whole| {
            Object::new(whole).components().any(|(instance, component)| {
                let answer = attendees::partstat_of(component, recipient, self.env);
                !known.contains(&instance) && answer.is_some_and(|answer| answer != "DECLINED")
            })
        }))
    }

    /// Queues the answer of a resource.
    fn answer(&mut self, answer: Option<Message>) -> Option<(String, Work)> {
        let envelope = Envelope::new(&answer?);
        Some(self.queue(Work::Deliver { uid: self.uid().to_owned(), messages: vec![envelope] }))
    }

    fn new_path(&mut self, object: &Component) -> Result<HomePath, StoreError> {
        let kind = object.main_kind().unwrap_or("VEVENT");
        let calendar = default_calendar::current_or_new(self.tx, kind)?;
        if let Some(damaged) = damaged::unreadable(self.tx.snapshot(), &self.file_name) {
            return Ok(damaged);
        }
        let mut path = calendar.join(&self.file_name);
        if self.tx.snapshot().entry(&path).is_some() {
            path = calendar.join(&format!("{}.ics", uuid::Uuid::new_v4()));
        }
        Ok(path)
    }

    /// Writes the recipient's copy; `quiet` keeps its schedule-tag.
    pub(super) fn store(
        &mut self,
        path: &HomePath,
        object: &Component,
        quiet: bool,
    ) -> Result<(), StoreError> {
        let before = self.tx.object(path);
        let content = self.alike.copy(object);
        let changes = PropertyChanges::none();
        let changes = match &before {
            Some(entry) if quiet => schedule_tag::keep(changes, entry),
            _ => schedule_tag::renew(changes, before.as_deref(), content.bytes()),
        };
        let known = before.as_ref().map(|entry| &*entry.properties);
        let changes = queue::mark_delivered(changes, known, &self.envelope.id);
        self.tx.put_content(path, &content, &changes)?;
        Ok(())
    }

    pub(super) fn inbox_item(&mut self, changes: Option<&str>) -> Result<(), StoreError> {
        let (envelope, message) = (self.envelope, self.message);
        let content = self.alike.message(&message.calendar, || inbox::content(envelope, message));
        inbox::add(self.tx, &self.record.guid, message, (envelope, &content), changes)
    }
}
