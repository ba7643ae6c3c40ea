//! `DAV:error` (RFC 4918 §14.5, §16): the body that names the precondition which did not hold, with
//! a sentence for people in the reference system's `error-description`.

use super::Writer;
use crate::dav::error::Detail;
use crate::dav::name::TWISTED;
use crate::dav::{Error, Name};

const ERROR: Name = Name::dav("error");
const DESCRIPTION: Name = Name::new(TWISTED, "error-description");

/// The document for an error that names a precondition; others have no XML body. `prefix` is the
/// path prefix of the client's view (`Origin::prefix`).
pub fn error_body(error: &Error, prefix: &str) -> Option<String> {
    error.precondition?;
    Some(Writer::document(&ERROR, |writer| write_content(writer, error, prefix)))
}

/// The `DAV:error` element inside another document.
pub(super) fn write_error(writer: &mut Writer, error: &Error, prefix: &str) {
    write_error_with(writer, error, prefix, |_| {});
}

/// The same with more content.
pub(super) fn write_error_with(
    writer: &mut Writer,
    error: &Error,
    prefix: &str,
    more: impl FnOnce(&mut Writer),
) {
    // Inside a response the sentence goes to DAV:responsedescription.
    let silent = Error { description: None, ..error.clone() };
    writer.element(&ERROR, |writer| {
        write_content(writer, &silent, prefix);
        more(writer);
    });
}

fn write_content(writer: &mut Writer, error: &Error, prefix: &str) {
    if let Some(precondition) = error.precondition {
        let name = precondition.name();
        match &error.detail {
            Detail::None => writer.empty(&name),
            Detail::Text(text) => writer.leaf(&name, text),
            Detail::Hrefs(hrefs) => writer.element(&name, |writer| {
                hrefs.iter().for_each(|href| writer.href(&format!("{prefix}{href}")));
            }),
            Detail::Privileges(missing) => writer.element(&name, |writer| {
                for (href, privilege) in missing {
                    writer.element(&Name::dav("resource"), |writer| {
                        writer.href(&format!("{prefix}{href}"));
                        writer.element(&Name::dav("privilege"), |w| w.empty(privilege));
                    });
                }
            }),
        }
    }
    if let Some(description) = &error.description {
        writer.leaf(&DESCRIPTION, description);
    }
}
