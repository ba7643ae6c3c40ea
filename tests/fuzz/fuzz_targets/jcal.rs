//! Any JSON: what is read as jCal is iCalendar text that can be read again, and goes out as the
//! same jCal it would be after a round through text.
#![no_main]

use daybook::ical::{jcal, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(tree) = jcal::parse(bytes) else { return };
    let text = tree.to_bytes();
    // jCal has no limits of its own on depth and size; text has, and a PUT meets them too.
    let Ok(again) = parse(&text) else { return };
    assert_eq!(again.to_bytes(), text);
    let json = jcal::to_bytes(&again);
    let back = jcal::parse(&json).expect("our own jCal");
    assert_eq!(jcal::to_bytes(&back), json);
});
