//! What one message becomes in many homes: most recipients get the same bytes, which are made,
//! hashed and summarised once. Knows the last message and the last copy only.

use std::sync::Arc;

use bytes::Bytes;

use super::damaged;
use crate::ical::Component;
use crate::store::Content;

/// What was written last.
#[derive(Debug, Default)]
pub struct Alike {
    message: Option<(Component, Content)>,
    copy: Option<(Component, Content)>,
    /// UID and what copies of the event are called.
    name: Option<(String, Arc<str>)>,
}

impl Alike {
    /// The name that the server gives copies of an event.
    pub fn file_name(&mut self, uid: &str) -> Arc<str> {
        match &self.name {
            Some((known, name)) if known == uid => name.clone(),
            _ => {
                let name: Arc<str> = damaged::file_name(uid).into();
                self.name = Some((uid.to_owned(), name.clone()));
                name
            }
        }
    }

    /// The content of an inbox item.
    pub fn message(&mut self, calendar: &Component, bytes: impl FnOnce() -> Bytes) -> Content {
        content(&mut self.message, calendar, bytes)
    }

    /// The content of a recipient's copy.
    pub fn copy(&mut self, object: &Component) -> Content {
        content(&mut self.copy, object, || Bytes::from(object.to_bytes()))
    }
}

fn content(
    last: &mut Option<(Component, Content)>,
    tree: &Component,
    bytes: impl FnOnce() -> Bytes,
) -> Content {
    if let Some((known, content)) = last
        && known.is_written_like(tree)
    {
        return content.clone();
    }
    let content = Content::of_object(bytes(), tree);
    *last = Some((tree.clone(), content.clone()));
    content
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Alike;
    use crate::ical;

    #[test]
    fn what_differs_in_one_byte_is_not_alike() {
        let text = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\nSUMMARY:x\r\nEND:VEVENT\r\n\
                    END:VCALENDAR\r\n";
        let mut alike = Alike::default();
        let mut written = Vec::new();
        for other in [
            text.to_owned(),
            text.to_owned(),
            // The same to who reads it.
            text.replace("SUMMARY:", "summary:"),
            text.replace("SUMMARY:x", "SUMM\r\n ARY:x"),
            text.replace("END:VEVENT", "end:vevent"),
            text.replace("\r\n", "\n"),
            text.replace(":x", ":y"),
            text.replace("UID:u\r\nSUMMARY:x\r\n", "SUMMARY:x\r\nUID:u\r\n"),
            text.replace("END:VEVENT\r\n", "END:VEVENT\r\nX-Z:1\r\n"),
        ] {
            let mut tree = ical::parse(other.as_bytes()).unwrap();
            assert_eq!(alike.copy(&tree), super::Content::of_object(other.into(), &tree));
            written.push(alike.copy(&tree));
            // A line that was changed and is again what it was is written anew.
            let line = tree.main_components_mut().next().unwrap().property_mut("SUMMARY").unwrap();
            let value = line.value().to_owned();
            line.set_value("else");
            line.set_value(&value);
            let bytes = Bytes::from(tree.to_bytes());
            assert_eq!(alike.copy(&tree), super::Content::of_object(bytes, &tree));
        }
        assert!(written.iter().skip(2).all(|content| *content != written[0]));
        assert_eq!(written[0], written[1]);
    }

    #[test]
    fn messages_and_copies_do_not_mix() {
        let text = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let tree = ical::parse(text.as_bytes()).unwrap();
        let mut alike = Alike::default();
        let sent = Bytes::from_static(b"as it came");
        let message = alike.message(&tree, || sent.clone());
        assert_eq!(message, super::Content::of_object(sent, &tree));
        assert_eq!(alike.copy(&tree), super::Content::of_object(text.into(), &tree));
        assert_eq!(*alike.file_name("u"), *super::damaged::file_name("u"));
        assert_eq!(*alike.file_name("v"), *super::damaged::file_name("v"));
        assert_eq!(*alike.file_name("u"), *super::damaged::file_name("u"));
        // Nobody asks for the bytes again.
        assert_eq!(alike.message(&tree, || unreachable!("it is known")), message);
    }
}
