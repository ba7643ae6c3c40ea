//! Any XML body: refused, or a tree that is written and read again as the same; every request
//! parser takes any tree.
#![no_main]

use daybook::caldav::calendar_data::CalendarData;
use daybook::caldav::filter::Filter;
use daybook::xml::parse;
use daybook::xml::request::*;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Propfind::parse(bytes);
    let _ = Proppatch::parse(bytes);
    let _ = Mkcol::parse(bytes, Some("application/xml"));
    let _ = Mkcol::parse_mkcalendar(bytes, Some("text/xml"));
    let _ = LockInfo::parse(bytes);
    let _ = Acl::parse(bytes);
    let Ok(root) = parse(bytes) else { return };
    let text = root.to_xml();
    let again = parse(text.as_bytes()).expect("our own XML");
    assert_eq!(again.to_xml(), text);
    if let Ok(query) = CalendarQuery::read(&root) {
        let _ = Filter::read(&query.filter);
        let _ = query.calendar_data.as_ref().map(CalendarData::read);
    }
    if let Ok(multiget) = CalendarMultiget::read(&root) {
        let _ = multiget.calendar_data.as_ref().map(CalendarData::read);
    }
    let _ = AclPrincipalPropSet::read(&root);
    let _ = CalendarserverPrincipalSearch::read(&root);
    let _ = ExpandProperty::read(&root);
    let _ = FreeBusyQuery::read(&root);
    let _ = PrincipalMatch::read(&root);
    let _ = PrincipalPropertySearch::read(&root);
    let _ = Selection::read(&root);
    let _ = SyncCollection::read(&root);
});
