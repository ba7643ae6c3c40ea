use proptest::prelude::*;

use crate::dav::{Error, Name};
use crate::xml::{Element, XmlError, parse};

#[test]
fn reads_names_in_their_namespaces() {
    let body = br#"<?xml version="1.0" encoding="utf-8"?>
        <!-- a --><?pi x?>
        <D:prop xmlns:D="DAV:" xmlns="urn:a&amp;b" a="1&#x20;&lt;" D:b='2
3' xml:lang="fr"><x/><D:y xmlns=""><z/></D:y>t&amp;<![CDATA[<&]]>&#233;</D:prop>
        <!-- b -->"#;
    let root = parse(body).unwrap();
    assert!(root.is("DAV:", "prop"));
    assert_eq!(root.attribute("a"), Some("1 <"));
    assert_eq!(root.attribute_in("DAV:", "b"), Some("2 3"));
    assert_eq!(root.lang(), Some("fr"));
    let names: Vec<_> = root.elements().map(|element| element.name.to_string()).collect();
    assert_eq!(names, ["{urn:a&b}x", "{DAV:}y"]);
    assert!(root.child("DAV:", "y").unwrap().child("", "z").is_some());
    assert_eq!(root.text(), "t&<&é");
}

#[test]
fn reads_other_encodings() {
    let text = "<?xml version='1.0' encoding='utf-16'?><é>ü😀</é>";
    let mut big = vec![0xfe, 0xff];
    big.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    let mut little = vec![0xff, 0xfe];
    little.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><\xe9>\xfc</\xe9>";
    let marked = "\u{feff}<é>ü</é>".as_bytes();
    for (bytes, content) in [(&big[..], "ü😀"), (&little, "ü😀"), (latin, "ü"), (marked, "ü")]
    {
        let root = parse(bytes).unwrap();
        assert_eq!((root.name.local.as_ref(), root.text().as_ref()), ("é", content));
    }
    assert!(parse(b"\xff\xfe<").is_err());
    assert!(matches!(
        parse(b"<?xml version='1.0' encoding='big5'?><a/>"),
        Err(XmlError::Encoding(_))
    ));
}

#[test]
fn refuses_what_is_not_well_formed() {
    for body in [
        "",
        " ",
        "text",
        "<a>",
        "<a><b></a>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<![CDATA[x]]><a/>",
        "&amp;<a/>",
        "<1a/>",
        "<a b/>",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        "<a b='<'/>",
        "<a b='&#1;'/>",
        "<a>&#0;</a>",
        "<a>&#xfffe;</a>",
        "<a>&eacute;</a>",
        "<a b='&eacute;'/>",
        "<a>&amp</a>",
        "<a>\u{1}</a>",
        "<a>]]></a>",
        "<p:a/>",
        "<a p:b=''/>",
        "<a:b:c xmlns:a='u'/>",
        "<:a/>",
        "<a:/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        " <?xml version='1.0'?><a/>",
        "<a/><?xml version='1.0'?>",
        "<?xml version='1.1'?><a/>",
        "<a><?xml x?></a>",
        "<a><!-- -- --></a>",
        "<a",
        "<a></a",
        "</a>",
        "<a><!--",
    ] {
        let error = parse(body.as_bytes()).expect_err(body);
        assert_eq!(Error::from(error).status, 400, "{body}");
    }
    assert!(parse(b"<a>\xff</a>").is_err());
}

#[test]
fn refuses_document_types_and_expands_nothing() {
    for body in [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'http://h/'>]><a>&x;</a>",
    ] {
        let error = parse(body.as_bytes()).expect_err(body);
        assert_eq!(error, XmlError::Dtd, "{body}");
        let answer = Error::from(error);
        assert_eq!(answer.status, 403);
        assert!(answer.precondition.unwrap().name().is("DAV:", "no-external-entities"));
    }
}

#[test]
fn stops_at_the_limits() {
    let deep = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert!(parse(deep(64).as_bytes()).is_ok());
    assert_eq!(parse(deep(65).as_bytes()), Err(XmlError::TooLarge("levels")));
    let wide = |count: usize| format!("<r>{}</r>", "<a/>".repeat(count));
    assert!(parse(wide(199_999).as_bytes()).is_ok());
    let too_many = Err(XmlError::TooLarge("elements and attributes"));
    assert_eq!(parse(wide(200_000).as_bytes()), too_many);
    let attributes = |form: &str| {
        let list: String = (0..300).map(|n| form.replace('N', &n.to_string())).collect();
        format!("<a{list}/>")
    };
    for form in [" aN=''", " xmlns:aN='u'"] {
        let body = attributes(form);
        assert_eq!(parse(body.as_bytes()), Err(XmlError::TooLarge("attributes")), "{form}");
    }
}

#[test]
fn writes_an_element_on_its_own() {
    for (body, child, expected) in [
        (
            "<r xmlns='urn:a' xmlns:p='urn:p'><c p:x='1' y='2'><p:d/><e xmlns=''/></c></r>",
            "{urn:a}c",
            "<c p:x='1' y='2' xmlns='urn:a' xmlns:p='urn:p'><p:d/><e xmlns=''/></c>",
        ),
        (
            "<r xmlns:p='u'><p:c>a&amp;&lt;\r\nb&#13;</p:c></r>",
            "{u}c",
            "<p:c xmlns:p='u'>a&amp;&lt;\nb&#13;</p:c>",
        ),
        (
            "<r><p:c xmlns:p='u'><p:c xmlns:p='v' p:a='&#10;\"'/></p:c></r>",
            "{u}c",
            "<p:c xmlns:p='u'><p:c p:a='&#10;&quot;' xmlns:p='v'/></p:c>",
        ),
        ("<r><c xml:lang='de'/></r>", "{}c", "<c xml:lang='de'/>"),
    ] {
        let root = parse(body.as_bytes()).unwrap();
        let name = Name::from_clark(child).unwrap();
        let found = root.child(&name.namespace, &name.local).unwrap();
        assert_eq!(found.to_xml(), expected);
        assert_eq!(&parse(expected.as_bytes()).unwrap(), found);
    }
}

/// A prefix made for one attribute never takes over another's.
#[test]
fn invents_prefixes_for_attributes() {
    let mut element = Element::new(Name::owned("u", "a"));
    for namespace in ["u", "v", "w"] {
        element.set_attribute(Name::owned(namespace, "b"), namespace);
    }
    assert_eq!(parse(element.to_xml().as_bytes()).unwrap(), element);
}

fn any_element() -> impl Strategy<Value = Element> {
    let name = (
        prop::sample::select(vec!["", "DAV:", "urn:x", "http://e/?a&b\"<", "urn:ietf:params:xml"]),
        "[a-zA-Z_é][a-zA-Z0-9_.é-]{0,6}",
    )
        .prop_map(|(namespace, local)| Name::owned(namespace, local));
    let text = "[ -~\t\n\ré😀]{1,12}";
    let attributes = prop::collection::vec((name.clone(), text), 0..4);
    let leaf = (name, attributes, prop::option::of(text)).prop_map(|(name, attributes, text)| {
        let mut element = Element::new(name);
        for (name, value) in attributes {
            element.set_attribute(name, value);
        }
        match text {
            Some(text) => element.with_text(text),
            None => element,
        }
    });
    leaf.prop_recursive(5, 40, 4, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..4))
            .prop_map(|(parent, children)| children.into_iter().fold(parent, Element::with_child))
    })
}

proptest! {
    #[test]
    fn arbitrary_elements_round_trip(element in any_element()) {
        let xml = element.to_xml();
        let read = parse(xml.as_bytes()).unwrap();
        prop_assert_eq!(&read, &element);
        prop_assert_eq!(parse(read.to_xml().as_bytes()).unwrap(), element);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_markup_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "<a>", "</a>", "<", ">", "/>", "<b:c", " x='", "'", "\"", "&", ";", "&#", "xmlns:b='u'",
        "<!--",
        "-->", "<![CDATA[", "]]>", "<?", "?>", "<!DOCTYPE ", "[", "]", "é", " ", "xml version='1.0'",
    ]), 0..30)) {
        let _ = parse(pieces.concat().as_bytes());
    }
}
