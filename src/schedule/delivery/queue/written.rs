//! Envelopes in a spool entry, readable by people. The text of a message that is that of the
//! message before is not written again: most of those invited get the same.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

use super::Envelope;

#[derive(serde::Serialize, serde::Deserialize)]
struct Written<'a> {
    id: Cow<'a, str>,
    originator: Cow<'a, str>,
    recipient: Cow<'a, str>,
    refresh: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar: Option<Cow<'a, str>>,
}

/// For `serde(with)`.
pub fn serialize<S: Serializer>(all: &[Envelope], to: S) -> Result<S::Ok, S::Error> {
    let before = std::iter::once(None).chain(all.iter().map(|envelope| Some(&envelope.text)));
    to.collect_seq(all.iter().zip(before).map(|(envelope, before)| Written {
        id: Cow::Borrowed(&envelope.id),
        originator: Cow::Borrowed(&envelope.originator),
        recipient: Cow::Borrowed(&envelope.recipient),
        refresh: envelope.refresh,
        calendar: (before != Some(&envelope.text)).then(|| String::from_utf8_lossy(&envelope.text)),
    }))
}

/// For `serde(with)`; without a text before it an envelope needs its own.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Envelope>, D::Error> {
    let mut all: Vec<Envelope> = Vec::new();
    for written in Vec::<Written<'_>>::deserialize(from)? {
        let text = match (written.calendar, all.last()) {
            (Some(text), _) => Bytes::from(text.into_owned()),
            (None, Some(before)) => before.text.clone(),
            (None, None) => return Err(D::Error::missing_field("calendar")),
        };
        all.push(Envelope {
            id: written.id.into_owned(),
            originator: written.originator.into_owned(),
            recipient: written.recipient.into_owned(),
            refresh: written.refresh,
            text,
            tree: None,
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Work;
    use super::Envelope;
    use crate::ical;
    use crate::schedule::itip::{Message, Method};
    use crate::store::SpoolEntry;

    fn message(recipient: &str, summary: &str) -> Message {
        let text = format!(
            "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u\r\nSUMMARY:{summary}\r\n\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        Message {
            method: Method::Request,
            recipient: recipient.to_owned(),
            originator: "urn:x-uid:o".to_owned(),
            calendar: Arc::new(ical::parse(text.as_bytes()).unwrap()),
            refresh: false,
        }
    }

    #[test]
    fn a_text_stands_once_in_an_entry() {
        let first = message("urn:x-uid:a", "one");
        let same = Message { recipient: "urn:x-uid:b".to_owned(), ..first.clone() };
        let other = message("urn:x-uid:c", "two");
        let messages = [first.clone(), same, other, Message { refresh: true, ..first }];
        let work = Work::Deliver { uid: "u".to_owned(), messages: Envelope::all(&messages) };
        let entry = work.entry();
        let body = String::from_utf8(entry.body.clone()).unwrap();
        assert_eq!((body.matches("one").count(), body.matches("two").count()), (2, 1), "{body}");
        let Some(Work::Deliver { uid, messages: read }) = Work::read(&entry) else { panic!() };
        assert_eq!(uid, "u");
        let read: Vec<Message> = read.iter().map(|envelope| envelope.open().unwrap()).collect();
        assert_eq!(read, messages);
    }

    #[test]
    fn entries_of_earlier_versions_are_read() {
        let envelope = |recipient: &str, text: &str| {
            format!(
                "{{\"id\":\"1\",\"originator\":\"o\",\"recipient\":\"{recipient}\",\
                 \"refresh\":false,\"calendar\":\"{text}\"}}"
            )
        };
        let (one, two) = (envelope("a", "x\\r\\ny"), envelope("b", "z"));
        let read = |messages: String| {
            let body = format!("{{\"Deliver\":{{\"uid\":\"u\",\"messages\":[{messages}]}}}}");
            Work::read(&SpoolEntry { id: "e".to_owned(), body: body.into_bytes() })
        };
        let Some(Work::Deliver { messages, .. }) = read(format!("{one},{two}")) else { panic!() };
        let texts: Vec<_> = messages.iter().map(|m| (&*m.recipient, m.text())).collect();
        assert_eq!(texts, [("a", "x\r\ny".into()), ("b", "z".into())]);
        assert_eq!(read(one.replace(",\"calendar\":\"x\\r\\ny\"", "")), None);
    }
}
