//! A REPLY meets the organizer's copy (RFC 6638 §4.2): it is worked in, delegates are invited, the
//! others are shown it.

use std::sync::Arc;

use super::deliver::Delivery;
use super::queue::{Envelope, Work};
use super::route;
use crate::ical::Component;
use crate::schedule::itip::{self, Message, Method};
use crate::schedule::{attendees, classify, delegation, process_reply};
use crate::store::StoreError;

impl Delivery<'_, '_, '_> {
    /// A reply works on the organizer's copy; without one it is ignored.
    pub(super) fn work_on_organizer(&mut self) -> Result<Vec<(String, Work)>, StoreError> {
        let Some((path, stored)) = self.stored()? else { return Ok(Vec::new()) };
        let organizer = classify::organizer_of(&stored, self.env).ok().flatten();
        if organizer.as_deref() != Some(&self.message.recipient) {
            return Ok(Vec::new());
        }
        let calendar = &self.message.calendar;
        let Some(reply) = process_reply::process(calendar, &stored, self.env.now, self.env) else {
            return Ok(Vec::new());
        };
        let mut object = reply.object;
        let invitations = self.invitations(&mut object, &reply.delegates);
        // A client that does not know the delegates yet must not take them out again.
        self.store(&path, &object, reply.delegates.is_empty())?;
        self.inbox_item(Some(&reply.changes.to_xml(self.env.now)))?;
        if !reply.answer_changed {
            return Ok(Vec::new());
        }
        let others = attendees::served_in_order(&object, "", self.env).len();
        let now = others <= self.env.options.refresh_at_once;
        let work = Work::Refresh {
            organizer: self.message.recipient.clone(),
            uid: self.uid().to_owned(),
            // Who delegates is shown the delegates too.
            except: (now && !delegation::is_in(calendar)).then(|| reply.attendee.clone()),
        };
        let refresh = self.queue(work);
        let mut next: Vec<_> = now.then_some(refresh).into_iter().collect();
        // Behind the refresh, which must not overwrite the answer that a delegate may give at once.
        if !invitations.is_empty() {
            let messages = invitations.iter().map(Envelope::new).collect();
            next.push(self.queue(Work::Deliver { uid: self.uid().to_owned(), messages }));
        }
        Ok(next)
    }

    /// Invitations of those to whom an attendee delegated, in the organizer's name.
    fn invitations(&self, object: &mut Component, delegates: &[String]) -> Vec<Message> {
        let organizer = &self.message.recipient;
        let requests = delegates.iter().filter_map(|delegate| {
            let calendar = itip::request(object, delegate, None, self.env.now, self.env)?;
            Some(Message {
                method: Method::Request,
                recipient: delegate.clone(),
                originator: organizer.clone(),
                calendar: Arc::new(calendar),
                refresh: false,
            })
        });
        let (statuses, messages) = route::statuses(self.env, requests.collect());
        attendees::set_schedule_status(object, &statuses, self.env);
        messages
    }
}
