//! Any bytes: what is read comes out byte for byte, and its jCal can be read again.
#![no_main]

use daybook::ical::{jcal, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut tree) = parse(bytes) else { return };
    assert_eq!(tree.to_bytes(), bytes);
    let json = jcal::to_json(&tree);
    let back = jcal::from_json(&json).expect("our own jCal");
    parse(&back.to_bytes()).expect("our own text");
    for component in tree.main_components_mut() {
        for property in component.properties_mut() {
            property.set_param("X-CHANGED", "a;\"b\"\n");
        }
    }
    let again = parse(&tree.to_bytes()).expect("our own text");
    // Control characters cannot stand in parameters and are gone; nothing else is.
    assert_eq!(again.to_bytes(), tree.to_bytes());
});
