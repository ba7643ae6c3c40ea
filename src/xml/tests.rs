//! What the writer, the multistatus writer and the error body put on the wire.

use crate::dav::error::Detail;
use crate::dav::{Error, Name, Precondition};
use crate::xml::{Multistatus, Writer, error_body, parse};

#[test]
fn escapes_once_and_holds_any_text() {
    let text = "a<b>&amp;\r\n\t\u{1}\u{ffff}é😀\"";
    let mut writer = Writer::fragment();
    writer.leaf(&Name::owned("u\"&", "x"), text);
    writer.empty_with(&Name::owned("", "y"), &[("z", text)]);
    assert_eq!(
        writer.as_str(),
        "<X:x xmlns:X=\"u&quot;&amp;\">a&lt;b&gt;&amp;amp;&#13;\n\t\u{fffd}\u{fffd}é😀\"</X:x>\
         <y z=\"a&lt;b>&amp;amp;&#13;&#10;&#9;\u{fffd}\u{fffd}é😀&quot;\"/>"
    );
    let document = Writer::document(&Name::dav("prop"), |w| w.raw(&writer.into_string()));
    let root = parse(document.as_bytes()).unwrap();
    let value = text.replace(['\u{1}', '\u{ffff}'], "\u{fffd}");
    assert_eq!(root.child("u\"&", "x").unwrap().text(), value);
    assert_eq!(root.child("", "y").unwrap().attribute("z"), Some(value.as_str()));
}

#[test]
fn writes_multistatus_piece_by_piece() {
    let mut bytes = Vec::new();
    let mut answer = Multistatus::begin(&mut bytes);
    let missing = [Name::caldav("calendar-color"), Name::owned("u", "v")];
    answer
        .response("/a/", |r| r.found_and_missing("<D:getetag>&quot;1&quot;</D:getetag>", &missing))
        .unwrap();
    answer.response("/b", |r| r.found_and_missing("", &[])).unwrap();
    let denied = Error::from(Precondition::NeedPrivileges)
        .holding(Detail::Privileges(vec![("/c".into(), Name::dav("read"))]));
    answer.status("/p/c", &denied, "/p").unwrap();
    answer.beside(|w| w.leaf(&Name::dav("sync-token"), "data:,1_2")).unwrap();
    answer.finish().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let expected = concat!(
        "<D:response><D:href>/a/</D:href><D:propstat><D:prop><D:getetag>&quot;1&quot;",
        "</D:getetag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat><D:propstat>",
        "<D:prop><C:calendar-color/><X:v xmlns:X=\"u\"/></D:prop><D:status>HTTP/1.1 404 Not Found",
        "</D:status></D:propstat></D:response><D:response><D:href>/b</D:href><D:propstat>",
        "<D:prop></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>",
        "<D:response><D:href>/p/c</D:href><D:status>HTTP/1.1 403 Forbidden</D:status><D:error>",
        "<D:need-privileges><D:resource><D:href>/p/c</D:href><D:privilege><D:read/>",
        "</D:privilege></D:resource></D:need-privileges></D:error></D:response>",
        "<D:sync-token>data:,1_2</D:sync-token></D:multistatus>"
    );
    assert!(text.ends_with(expected), "{text}");
    assert!(parse(text.as_bytes()).is_ok());
}

#[test]
fn explains_errors() {
    assert_eq!(error_body(&Error::not_found(), ""), None);
    let error = Error::from(Precondition::NoUidConflict)
        .holding(Detail::Hrefs(vec!["/calendars/a/b.ics".into()]))
        .because("taken <here>");
    let root = parse(error_body(&error, "/dav").unwrap().as_bytes()).unwrap();
    let conflict = root.child(crate::dav::name::CALDAV, "no-uid-conflict").unwrap();
    assert_eq!(conflict.child("DAV:", "href").unwrap().text(), "/dav/calendars/a/b.ics");
    let description = root.child(crate::dav::name::TWISTED, "error-description").unwrap();
    assert_eq!(description.text(), "taken <here>");
}

#[test]
fn lines_keep_their_ends() {
    let mut writer = Writer::fragment();
    writer.leaf_lines(&Name::dav("d"), "A:1<2\r\nB:x\ry\nC\r\n");
    assert_eq!(writer.as_str(), "<D:d>A:1&lt;2\r\nB:x&#13;y\nC\r\n</D:d>");
}
