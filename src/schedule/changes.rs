//! `CS:schedule-changes`: what automatic processing did, told to clients on the inbox item
//! (apple-caldav-schedulingchanges §4).

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::instance_diff::{Changes, Difference};
use super::itip::stamp;
use super::object::{Instance, Object};

/// One instance that a reply was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyChange {
    /// Which instance.
    pub instance: Instance,
    /// The answer changed.
    pub partstat: bool,
    /// The private comment changed.
    pub comment: bool,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleChanges {
    /// A new object.
    Create,
    /// Instances that changed, with the properties that did.
    Update(Vec<(Instance, Changes)>),
    /// Instances that were called off; none for the whole object.
    Cancel(Vec<Instance>),
    /// An attendee's answer.
    Reply(String, Vec<ReplyChange>),
}

impl ScheduleChanges {
    /// An update from what differs. An instance that is new as a whole names no properties.
    pub fn update(before: &Object<'_>, differs: &Difference) -> Self {
        let mut instances: Vec<(Instance, Changes)> = Vec::new();
        for (instance, changes) in differs {
            let known = before.find_or_derive(*instance).is_some();
            let changes = if known { changes.clone() } else { Changes::new() };
            instances.push((*instance, changes));
        }
        if instances.is_empty() {
            instances.push((Instance::Master, Changes::new()));
        }
        Self::Update(instances)
    }

    /// The property element.
    pub fn to_xml(&self, now: DateTime<Utc>) -> String {
        let mut xml =
            String::from("<CS:schedule-changes xmlns:CS=\"http://calendarserver.org/ns/\">");
        let _ = write!(xml, "<CS:dtstamp>{}</CS:dtstamp><CS:action>", stamp(now));
        match self {
            Self::Create => xml.push_str("<CS:create/>"),
            Self::Update(instances) => {
                xml.push_str("<CS:update>");
                for (instance, changes) in instances {
                    recurrence(&mut xml, *instance, changes);
                }
                xml.push_str("</CS:update>");
            }
            Self::Cancel(instances) => {
                xml.push_str("<CS:cancel>");
                for instance in instances {
                    recurrence(&mut xml, *instance, &Changes::new());
                }
                xml.push_str("</CS:cancel>");
            }
            Self::Reply(attendee, instances) => {
                let _ = write!(xml, "<CS:reply><CS:attendee>{}</CS:attendee>", escape(attendee));
                for change in instances {
                    recurrence(&mut xml, change.instance, &reply_changes(change));
                }
                xml.push_str("</CS:reply>");
            }
        }
        xml.push_str("</CS:action></CS:schedule-changes>");
        xml
    }
}

fn reply_changes(change: &ReplyChange) -> Changes {
    let mut changes = Changes::new();
    if change.partstat {
        changes.entry("ATTENDEE".to_owned()).or_default().insert("PARTSTAT".to_owned());
    }
    if change.comment {
        changes.entry("X-CALENDARSERVER-PRIVATE-COMMENT".to_owned()).or_default();
    }
    changes
}

fn recurrence(xml: &mut String, instance: Instance, changes: &Changes) {
    xml.push_str("<CS:recurrence>");
    match instance.recurrence_id() {
        None => xml.push_str("<CS:master/>"),
        Some(id) => drop(write!(xml, "<CS:recurrenceid>{id}</CS:recurrenceid>")),
    }
    xml.push_str("<CS:changes>");
    for (property, params) in changes {
        let _ = write!(xml, "<CS:changed-property name=\"{}\">", escape(property));
        for param in params {
            let _ = write!(xml, "<CS:changed-parameter name=\"{}\"/>", escape(param));
        }
        xml.push_str("</CS:changed-property>");
    }
    xml.push_str("</CS:changes></CS:recurrence>");
}

/// XML text and attribute escapes.
pub fn escape(text: &str) -> String {
    let is_plain = |b: u8| (b' '..0x7f).contains(&b) && !matches!(b, b'&' | b'<' | b'>' | b'"');
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => {}
            c => out.push(c),
        }
    }
    out
}
