//! Tables of bodies: what is read from them and what is refused.

use proptest::prelude::*;

use super::calendarserver_principal_search::SearchContext;
use super::principal_match::MatchBy;
use super::principal_property_search::MatchKind;
use super::sync_collection::SyncLevel;
use super::*;

const NAMESPACES: &str = "xmlns:D='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav' \
     xmlns:CS='http://calendarserver.org/ns/'";

/// `<D:x>…` becomes a document with the usual prefixes.
fn body(text: &str) -> Vec<u8> {
    match text.find(['>', '/', ' ']) {
        Some(at) if text.starts_with('<') => {
            format!("{} {NAMESPACES}{}", &text[..at], &text[at..]).into_bytes()
        }
        _ => text.as_bytes().to_vec(),
    }
}

fn element(text: &str) -> Element {
    parse(&body(text)).expect(text)
}

fn status<T>(result: Result<T>) -> u16 {
    result.err().map_or(200, |error| error.status)
}

#[test]
fn propfind() {
    let names = |list: &[&'static str]| list.iter().map(|name| Name::dav(name)).collect::<Vec<_>>();
    for (text, expected) in [
        ("", Selection::AllProp { include: vec![] }),
        (" \r\n", Selection::AllProp { include: vec![] }),
        ("<D:propfind><D:allprop/></D:propfind>", Selection::AllProp { include: vec![] }),
        (
            "<D:propfind><D:allprop/><D:include><D:a/></D:include></D:propfind>",
            Selection::AllProp { include: names(&["a"]) },
        ),
        ("<D:propfind><D:propname/></D:propfind>", Selection::PropName),
        ("<D:propfind><D:prop/></D:propfind>", Selection::Prop(vec![])),
        (
            "<D:propfind><x/><D:prop><D:b>x</D:b><D:a/><D:b/></D:prop></D:propfind>",
            Selection::Prop(names(&["b", "a"])),
        ),
    ] {
        assert_eq!(Propfind::parse(&body(text)).unwrap().selection, expected, "{text}");
    }
    for text in [
        "<D:propfind/>",
        "<D:propfind><D:include><D:a/></D:include></D:propfind>",
        "<D:propfind><D:prop/><D:propname/></D:propfind>",
        "<D:propfind><D:prop/><D:prop/></D:propfind>",
        "<D:prop/>",
        "<propfind/>",
        "x",
    ] {
        assert_eq!(status(Propfind::parse(&body(text))), 400, "{text}");
    }
}

#[test]
fn proppatch_keeps_order_and_language() {
    let text = "<D:propertyupdate xml:lang='en'><D:set><D:prop xml:lang='de'><D:a>1</D:a>\
         <D:b xml:lang='fr'/></D:prop></D:set><D:remove><D:prop><D:c/></D:prop></D:remove>\
         <D:set><D:prop><D:a/></D:prop></D:set><x/></D:propertyupdate>";
    let read = Proppatch::parse(&body(text)).unwrap().instructions;
    let printed: Vec<String> = read
        .iter()
        .map(|instruction| match instruction {
            Instruction::Set(element) => element.to_xml(),
            Instruction::Remove(name) => format!("- {name}"),
        })
        .collect();
    assert_eq!(
        printed,
        [
            "<D:a xml:lang='de' xmlns:D='DAV:'>1</D:a>",
            "<D:b xml:lang='fr' xmlns:D='DAV:'/>",
            "- {DAV:}c",
            "<D:a xml:lang='en' xmlns:D='DAV:'/>",
        ]
    );
    for text in [
        "",
        "<D:propertyupdate/>",
        "<D:propertyupdate><D:set/></D:propertyupdate>",
        "<D:propertyupdate><D:remove><D:prop/><D:prop/></D:remove></D:propertyupdate>",
        "<D:set><D:prop/></D:set>",
    ] {
        assert_eq!(status(Proppatch::parse(&body(text))), 400, "{text}");
    }
}

#[test]
fn mkcol_and_mkcalendar() {
    let text = "<D:mkcol><D:set><D:prop><D:resourcetype><D:collection/><C:calendar/>\
         </D:resourcetype><D:displayname>x</D:displayname></D:prop></D:set></D:mkcol>";
    let read = Mkcol::parse(&body(text), Some("application/xml; charset=utf-8")).unwrap();
    assert_eq!(read.properties.len(), 2);
    assert_eq!(
        read.resource_types().unwrap(),
        [&Name::dav("collection"), &Name::caldav("calendar")]
    );
    assert_eq!(Mkcol::parse(b"", Some("text/plain")), Ok(Mkcol::default()));
    let calendar = "<C:mkcalendar><D:set><D:prop><D:a/></D:prop></D:set></C:mkcalendar>";
    let read = Mkcol::parse_mkcalendar(&body(calendar), None).unwrap();
    assert_eq!((read.properties.len(), read.resource_types()), (1, None));
    for (text, content_type, expected) in [
        ("afafafaf", Some("xyz-foo/bar-512"), 415),
        ("afafafaf", None, 400),
        (calendar, Some("text/xml"), 415),
        ("<D:mkcol><D:remove><D:prop/></D:remove></D:mkcol>", None, 400),
        ("<D:mkcol><D:set/></D:mkcol>", None, 400),
        ("<D:mkcol/>", None, 200),
    ] {
        assert_eq!(status(Mkcol::parse(&body(text), content_type)), expected, "{text}");
    }
}

#[test]
fn lockinfo_and_acl() {
    let lock = |scope: &str, kind: &str| {
        let owner = "<D:owner><D:href>http://e/</D:href></D:owner>";
        LockInfo::parse(&body(&format!(
            "<D:lockinfo><D:lockscope>{scope}</D:lockscope><D:locktype>{kind}</D:locktype>{owner}\
             </D:lockinfo>"
        )))
    };
    let info = lock("<D:exclusive/>", "<D:write/>").unwrap().unwrap();
    assert!(info.exclusive);
    assert_eq!(info.owner.unwrap().child("DAV:", "href").unwrap().text(), "http://e/");
    assert!(!lock("<D:shared/>", "<D:write/>").unwrap().unwrap().exclusive);
    assert_eq!(LockInfo::parse(b""), Ok(None));
    assert_eq!(status(lock("", "<D:write/>")), 400);
    assert_eq!(status(lock("<D:shared/><D:exclusive/>", "<D:write/>")), 400);
    assert_eq!(status(lock("<D:shared/>", "")), 422);
    assert_eq!(status(LockInfo::parse(&body("<D:lockinfo/>"))), 400);

    let acl = |count: usize| body(&format!("<D:acl>{}</D:acl>", "<D:ace/>".repeat(count)));
    assert_eq!(Acl::parse(&acl(2)).unwrap().aces.len(), 2);
    assert_eq!(status(Acl::parse(&acl(201))), 403);
    assert_eq!(status(Acl::parse(&body("<D:ace/>"))), 400);
}

#[test]
fn expand_property() {
    let read = ExpandProperty::read(&element(
        "<D:expand-property><D:property name='a'><D:property name='b' namespace='urn:x'/>\
         </D:property></D:expand-property>",
    ))
    .unwrap();
    assert_eq!(read.properties[0].name, Name::dav("a"));
    assert_eq!(read.properties[0].properties[0].name, Name::owned("urn:x", "b"));
    for text in ["<D:property/>", "<D:property name=''/>", "<D:property name='a b'/>"] {
        let root = element(&format!("<D:expand-property>{text}</D:expand-property>"));
        assert_eq!(status(ExpandProperty::read(&root)), 400, "{text}");
    }
}

#[test]
fn principal_property_search() {
    let search = |attributes: &str, matching: &str| {
        PrincipalPropertySearch::read(&element(&format!(
            "<D:principal-property-search {attributes}><D:property-search><D:prop><D:displayname/>\
             </D:prop><D:match {matching}>x</D:match></D:property-search><D:prop><D:a/></D:prop>\
             <CS:limit><CS:nresults> 5 </CS:nresults></CS:limit></D:principal-property-search>"
        )))
    };
    let read = search("", "").unwrap();
    assert!(read.all && !read.everywhere && read.searches[0].caseless);
    assert_eq!(read.searches[0].kind, MatchKind::Contains);
    assert_eq!((read.limit, read.user_type), (Some(5), None));
    let read = search("test='anyof' type='ROOM'", "match-type='equals' caseless='no'").unwrap();
    assert!(!read.all && !read.searches[0].caseless);
    assert_eq!(read.searches[0].kind, MatchKind::Equals);
    assert_eq!(read.user_type.as_deref(), Some("ROOM"));
    for (attributes, matching) in [
        ("test='some'", ""),
        ("type='room'", ""),
        ("", "match-type='like'"),
        ("", "caseless='maybe'"),
    ] {
        assert_eq!(status(search(attributes, matching)), 400, "{attributes} {matching}");
    }
    let root = element("<D:principal-property-search><D:prop/></D:principal-property-search>");
    assert_eq!(status(PrincipalPropertySearch::read(&root)), 400);
}

#[test]
fn other_principal_reports() {
    let read = CalendarserverPrincipalSearch::read(&element(
        "<CS:calendarserver-principal-search context='location'><CS:search-token>a\
         </CS:search-token><CS:search-token/>\
         <D:prop><D:a/></D:prop></CS:calendarserver-principal-search>",
    ))
    .unwrap();
    assert_eq!((read.context, read.limit), (SearchContext::Location, None));
    assert_eq!(read.tokens, ["a"]);
    for text in [
        "<CS:calendarserver-principal-search/>",
        "<CS:calendarserver-principal-search context='x'><CS:search-token>a</CS:search-token>\
         </CS:calendarserver-principal-search>",
    ] {
        assert_eq!(status(CalendarserverPrincipalSearch::read(&element(text))), 400, "{text}");
    }
    let matching = |text: &str| {
        PrincipalMatch::read(&element(&format!("<D:principal-match>{text}</D:principal-match>")))
    };
    assert_eq!(matching("<D:self/>").unwrap().by, MatchBy::Itself);
    let by_owner = matching("<D:principal-property><D:owner/></D:principal-property>").unwrap();
    assert_eq!(by_owner.by, MatchBy::Property(Name::dav("owner")));
    for text in ["", "<D:principal-property/>", "<D:self/><D:principal-property/>"] {
        assert_eq!(status(matching(text)), 400, "{text}");
    }
}

#[test]
fn calendar_reports() {
    let query = |text: &str| {
        CalendarQuery::read(&element(&format!("<C:calendar-query>{text}</C:calendar-query>")))
    };
    let read = query(
        "<D:prop><D:getetag/><C:calendar-data><C:expand/></C:calendar-data></D:prop><C:filter/>\
         <C:timezone>BEGIN</C:timezone><C:timezone-id> Europe/Paris </C:timezone-id>",
    )
    .unwrap();
    assert!(read.selection.asks_for(&Name::dav("getetag")));
    assert!(read.calendar_data.unwrap().elements().next().is_some());
    assert_eq!(read.timezone.as_deref(), Some("BEGIN"));
    assert_eq!(read.timezone_id.as_deref(), Some("Europe/Paris"));
    assert_eq!(query("<C:filter/>").unwrap().selection, Selection::Prop(vec![]));
    assert_eq!(status(query("<D:prop/>")), 403);
    assert_eq!(status(query("<C:filter/><C:filter/>")), 403);

    let multiget = |count: usize| {
        let hrefs = "<D:href> /a </D:href>".repeat(count);
        CalendarMultiget::read(&element(&format!(
            "<C:calendar-multiget><D:allprop/>{hrefs}</C:calendar-multiget>"
        )))
    };
    assert_eq!(multiget(2).unwrap().hrefs, ["/a", "/a"]);
    assert_eq!(status(multiget(0)), 400);
    assert_eq!(status(multiget(5001)), 403);

    let busy = |text: &str| {
        FreeBusyQuery::read(&element(&format!("<C:free-busy-query>{text}</C:free-busy-query>")))
    };
    assert_eq!(busy("<C:time-range start='x'/>").unwrap().start.as_deref(), Some("x"));
    assert_eq!(status(busy("")), 400);
}

#[test]
fn sync_collection() {
    let sync = |text: &str| {
        SyncCollection::read(&element(&format!("<D:sync-collection>{text}</D:sync-collection>")))
    };
    let read = sync(
        "<D:sync-token> data:,1_2 </D:sync-token><D:sync-level>infinite</D:sync-level><D:limit>\
         <D:nresults>9</D:nresults></D:limit><D:prop/>",
    )
    .unwrap();
    assert_eq!(read.token.as_deref(), Some("data:,1_2"));
    assert_eq!((read.level, read.limit), (Some(SyncLevel::Infinite), Some(9)));
    let first = sync("<D:sync-token/><D:prop/>").unwrap();
    assert_eq!((first.token, first.level), (None, None));
    for text in [
        "<D:prop/>",
        "<D:sync-token/><D:sync-level>2</D:sync-level>",
        "<D:sync-token/><D:limit/>",
        "<D:sync-token/><D:limit><D:nresults>-1</D:nresults></D:limit>",
    ] {
        assert_eq!(status(sync(text)), 400, "{text}");
    }
}

/// Every reader, over one element.
fn read_all(root: &Element) {
    let xml = root.to_xml();
    let bytes = xml.as_bytes();
    let _ = (Propfind::parse(bytes), Proppatch::parse(bytes), Mkcol::parse(bytes, None));
    let _ = (LockInfo::parse(bytes), Acl::parse(bytes), Mkcol::parse_mkcalendar(bytes, None));
    let _ = (ExpandProperty::read(root), PrincipalPropertySearch::read(root));
    let _ = (CalendarserverPrincipalSearch::read(root), PrincipalMatch::read(root));
    let _ = (CalendarQuery::read(root), CalendarMultiget::read(root), FreeBusyQuery::read(root));
    let _ = (SyncCollection::read(root), AclPrincipalPropSet::read(root));
}

proptest! {
    #[test]
    fn nothing_panics(pieces in prop::collection::vec((prop::sample::select(vec![
        "D:propfind", "D:prop", "D:set", "D:remove", "D:lockscope", "D:property", "C:filter",
        "D:sync-token", "D:limit", "C:time-range", "D:match", "D:self", "D:href",
    ]), any::<bool>(), "[a-z0-9]{0,4}"), 1..12), root in prop::sample::select(vec![
        "D:propfind", "D:propertyupdate", "D:mkcol", "C:mkcalendar", "D:lockinfo", "D:acl",
        "D:expand-property", "D:principal-property-search", "CS:calendarserver-principal-search",
        "D:principal-match", "C:calendar-query", "C:calendar-multiget", "C:free-busy-query",
        "D:sync-collection", "D:acl-principal-prop-set",
    ])) {
        let mut open = Vec::new();
        let mut text = format!("<{root}>");
        for (name, deeper, content) in pieces {
            text.push_str(&format!("<{name} name='{content}'>{content}"));
            open.push(name);
            if !deeper {
                text.push_str(&format!("</{}>", open.pop().unwrap()));
            }
        }
        while let Some(name) = open.pop() {
            text.push_str(&format!("</{name}>"));
        }
        text.push_str(&format!("</{root}>"));
        read_all(&element(&text));
    }
}
