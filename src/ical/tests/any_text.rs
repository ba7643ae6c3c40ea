//! Text that nobody wrote on purpose: nothing panics, nothing is lost.

use proptest::prelude::*;

use crate::ical::recur::{Budget, Window, expand};
use crate::ical::{Property, Zone, Zones, jcal, parse};

const SEED: &str = include_str!("../../../fixtures/ical/recurrence/own-time-zone.ics");

/// A name, perhaps a parameter, and any value.
const LINE: &str = concat!(
    "[A-Za-z-]{1,9}",
    r#"(;[A-Z]{1,3}=("[^"\r\n\x00]{0,9}"|[a-z^']{0,9}))?"#,
    r":[^\r\n\x00]{0,40}",
);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(tree) = parse(&bytes) {
            prop_assert_eq!(tree.to_bytes(), bytes);
        }
    }

    #[test]
    fn lines_of_any_text_come_out_as_they_were(
        lines in prop::collection::vec(LINE, 0..6),
        end in prop::sample::select(vec!["\r\n", "\n", "\r"]),
    ) {
        let body: String = lines.iter().map(|line| format!("X-{line}{end}")).collect();
        let text = format!("BEGIN:VCALENDAR{end}{body}END:VCALENDAR{end}");
        let tree = parse(text.as_bytes());
        prop_assert!(tree.is_ok(), "{:?}", tree);
        prop_assert_eq!(tree.expect("checked").to_bytes(), text.into_bytes());
    }

    #[test]
    fn any_value_survives_writing(
        value in "\\PC{0,200}",
        text in any::<String>(),
        param in any::<String>(),
    ) {
        // NUL is never read; a lone CR is a line break like any other.
        let param = param.replace('\0', "").replace('\r', "\n");
        let text = text.replace('\0', "");
        let property = Property::new("X-A", &value).with_param("X-B", &param);
        let described = Property::text_value("SUMMARY", &text);
        let mut calendar = crate::ical::Component::new("VCALENDAR");
        calendar.push(property.clone());
        calendar.push(described.clone());
        let again = parse(&calendar.to_bytes());
        prop_assert!(again.is_ok(), "{:?}", again);
        prop_assert_eq!(again.expect("checked"), calendar);
    }

    /// A real object with bytes changed here and there.
    #[test]
    fn damaged_objects_do_no_harm(
        damage in prop::collection::vec((0usize..SEED.len(), any::<u8>()), 1..8),
    ) {
        let mut bytes = SEED.as_bytes().to_vec();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        if let Ok(tree) = parse(&bytes) {
            prop_assert_eq!(&tree.to_bytes(), &bytes);
            let zones = Zones::of(&tree, &Zone::utc());
            let _ = expand(&tree, &zones, Window::default(), Budget::default());
            prop_assert!(jcal::from_json(&jcal::to_json(&tree)).is_ok());
        }
    }
}
