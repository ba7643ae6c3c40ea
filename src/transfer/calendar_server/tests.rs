use std::fs;

use super::pickle::{self, PickleError};
use super::property;
use super::sqlite::{Column, Database, SqliteError};
use crate::dav::Name;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!("fixtures/import/{name}")).unwrap()
}

const CALENDARS: &str = "<calendar-free-busy-set xmlns=\"urn:ietf:params:xml:ns:caldav\">\
    <href xmlns=\"DAV:\">/calendars/users/wsanchez/calendar</href>\
    <href xmlns=\"DAV:\">/calendars/users/wsanchez/work/</href>\
    </calendar-free-busy-set>";
const COMPONENTS: &str = "<supported-calendar-component-set \
    xmlns=\"urn:ietf:params:xml:ns:caldav\"><comp name=\"VEVENT\"/>\
    </supported-calendar-component-set>";
const ACL: &str = "<acl xmlns=\"DAV:\"><ace><principal><href>/principals/users/bob/</href>\
    </principal><grant><privilege><read-acl/></privilege></grant></ace></acl>";
const ODD: &str = "<odd xmlns=\"urn:x\" a=\"b\">1 &lt; 2 &amp; ä</odd>";

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_form_of_value_is_read() {
    for (file, name, xml) in [
        ("free-busy-set", Name::caldav("calendar-free-busy-set"), CALENDARS),
        ("component-set", Name::caldav("supported-calendar-component-set"), COMPONENTS),
        ("acl", Name::dav("acl"), ACL),
        ("unknown", Name::new("urn:x", "odd"), ODD),
    ] {
        let expected = crate::xml::parse(xml.as_bytes()).unwrap();
        let document = format!("<?xml version='1.0' encoding='UTF-8'?>\r\n{xml}\r\n");
        for stored in [xml, &document] {
            let stored = stored.as_bytes();
            assert_eq!(property::read(&name, stored).unwrap(), expected, "{file}");
            assert_eq!(property::read(&name, &deflated(stored)).unwrap(), expected, "{file}");
        }
        for protocol in 0..3 {
            let stored = fixture(&format!("{file}.{protocol}.pickle"));
            assert_eq!(property::read(&name, &stored).unwrap(), expected, "{file}.{protocol}");
            let stored = deflated(&stored);
            assert_eq!(property::read(&name, &stored).unwrap(), expected, "{file}.{protocol}");
        }
    }
    let wrong = property::read(&Name::dav("displayname"), ODD.as_bytes());
    assert!(wrong.unwrap_err().contains("instead"));
}

#[test]
fn a_pickle_calls_nothing() {
    let refused = pickle::read(&fixture("call.pickle")).unwrap_err();
    assert_eq!(refused, PickleError::Call("posix.system".to_owned()));
    // EXT1, PERSID: nothing that such values need.
    for bytes in [&b"\x80\x02\x82\x01."[..], b"Pfoo\n."] {
        assert!(matches!(pickle::read(bytes), Err(PickleError::Opcode(..))), "{bytes:?}");
    }
}

#[test]
fn damaged_pickles_end() {
    for bytes in [&b""[..], b".", b"(", b"0.", b"N", b"S'x\n.", b"S'\\x", b"g1\n.", b"}(Nu.", b"R."]
    {
        assert!(pickle::read(bytes).is_err(), "{bytes:?}");
    }
    // A list that holds itself is a value, and no element.
    let (values, root) = pickle::read(b"]q\x00h\x00a.").unwrap();
    assert!(values.element(root, &Name::dav("x")).is_none());
    for file in ["acl.0.pickle", "acl.2.pickle"] {
        let whole = fixture(file);
        for cut in 0..whole.len() {
            assert!(property::read(&Name::dav("acl"), &whole[..cut]).is_err(), "{file} to {cut}");
        }
    }
}

#[test]
fn doubling_pickles_are_bounded() {
    // Each element has the one before as a child twice: 2^40 elements in a few hundred bytes.
    let opaque = "(itwistedcaldav.caldavxml\nOpaque\n";
    let mut text = format!("{opaque}p0\n");
    for level in 1..=40 {
        let before = level - 1;
        text.push_str(&format!("{opaque}}}S'children'\n(g{before}\ng{before}\nlsbp{level}\n"));
    }
    text.push('.');
    let (values, root) = pickle::read(text.as_bytes()).unwrap();
    assert!(values.element(root, &Name::dav("x")).is_none());
}

#[test]
fn tables_are_read() {
    let bytes = fixture("many.sqlite");
    let rows = Database::open(&bytes).unwrap().rows("groups").unwrap();
    assert_eq!(rows.len(), 300);
    for (n, row) in rows.iter().enumerate() {
        let name = if n % 50 == 0 { n.to_string().repeat(400) } else { format!("g{n}") };
        let sign = if n % 2 == 0 { 1 } else { -1 };
        let number = sign * 7_i64.pow(u32::try_from(n % 22).unwrap());
        assert_eq!(*row, [Column::Text(name), Column::Number(number)]);
    }
    let missing = Database::open(&bytes).unwrap().rows("nothing");
    assert_eq!(missing, Err(SqliteError::NoTable("nothing".to_owned())));
    assert_eq!(Database::open(b"SQLite format 3").unwrap_err(), SqliteError::NotOne);
}

#[test]
fn damaged_databases_end() {
    let whole = fixture("many.sqlite");
    for at in (0..whole.len()).step_by(41) {
        for value in [0, 0xff, whole[at] ^ 0x10] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            if let Ok(database) = Database::open(&bytes) {
                let _ = database.rows("GROUPS");
            }
        }
        if let Ok(database) = Database::open(&whole[..at]) {
            let _ = database.rows("GROUPS");
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(0_u8..=255, 0..200)) {
        let _ = property::read(&Name::dav("x"), &bytes);
    }

    #[test]
    fn no_opcodes_make_it_panic(
        text in proptest::collection::vec(proptest::sample::select(
            b"(.012NIKMJSTUVXacdegiloprstu)]}b\n'1qhj\x80\x81\x85\x86\x87\x88\x89".to_vec()
        ), 0..60)
    ) {
        let _ = property::read(&Name::dav("x"), &text);
    }
}
