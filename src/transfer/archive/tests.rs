use super::{document, kind, undocument, word};
use crate::dav::Name;
use crate::store::{CollectionKind, DELIVERED};

#[test]
fn properties_come_back_as_they_were() {
    let properties = [
        (Name::dav("displayname"), "<displayname xmlns=\"DAV:\">a &lt; b\n c</displayname>"),
        (Name::new("urn:x", "y"), "<p:y xmlns:p=\"urn:x\" p:z=\"&quot;\"><q xmlns=\"\"/> t </p:y>"),
        (
            Name::caldav("calendar-timezone"),
            "<C:calendar-timezone xmlns:C=\"urn:ietf:params:xml:ns:caldav\">\
             BEGIN:VCALENDAR&#xD;\nEND:VCALENDAR&#xD;\n</C:calendar-timezone>",
        ),
        (Name::owned("", "none"), "<none/>"),
        // A text and no element.
        (DELIVERED, "0123 4567"),
        (Name::owned("u", "a"), "<a xmlns='u' b='>/>'><!-- <c> --><![CDATA[<d>]]><a/></a>"),
    ];
    let properties = properties.map(|(name, xml)| (name, xml.to_owned()));
    let text = document(Some(CollectionKind::Calendar), &properties);
    assert_eq!(
        undocument(&text),
        Ok((Some(CollectionKind::Calendar), properties.to_vec())),
        "{text}"
    );
    // Written by somebody else, with the prefixes at the top.
    let text = "<properties xmlns:D='DAV:'><D:displayname>x</D:displayname></properties>";
    let (_, properties) = undocument(text).unwrap();
    assert_eq!(properties[0].0, Name::dav("displayname"));
    assert!(properties[0].1.contains("'DAV:'"), "{properties:?}");
    assert_eq!(undocument(&document(None, &[])), Ok((None, Vec::new())));
    assert!(undocument("<properties collection=\"odd\"/>").is_err());
    assert!(undocument("nothing").is_err());
}

#[test]
fn kinds_have_words() {
    for known in [
        CollectionKind::Home,
        CollectionKind::Calendar,
        CollectionKind::Inbox,
        CollectionKind::Outbox,
        CollectionKind::Plain,
    ] {
        assert_eq!(kind(word(known)), Some(known));
    }
}
