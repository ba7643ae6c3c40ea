//! Any calendar with a VTIMEZONE: it becomes a zone that answers every question, or it does not,
//! soon and without a panic; what we write of that zone means the same again.
#![no_main]

use chrono::{DateTime, TimeDelta, Utc};
use daybook::ical::timezone::generate;
use daybook::ical::{Zone, parse};
use libfuzzer_sys::fuzz_target;
use rustix::time::{ClockId, clock_gettime};

fuzz_target!(|bytes: &[u8]| {
    let Ok(tree) = parse(bytes) else { return };
    let began = worked();
    for definition in tree.timezones().take(4) {
        let Some(zone) = Zone::from_vtimezone(definition) else { continue };
        for instant in [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC] {
            let _ = zone.to_utc(zone.from_utc(instant));
        }
        let range = (instant(1_500_000_000), instant(1_700_000_000));
        let changes = zone.transitions(range.0, range.1, 50);
        assert!(changes.is_sorted_by_key(|change| change.at));
        let cut = generate::vtimezone("Cut", &zone, Some(range));
        if changes.len() < 50 {
            let again = Zone::from_vtimezone(&cut).expect("our own VTIMEZONE");
            let mut at = range.0;
            while at < range.1 {
                assert_eq!(again.offset_at(at), zone.offset_at(at), "{at}");
                at += TimeDelta::days(23);
            }
        }
        let _ = generate::vtimezone("Whole", &zone, None);
    }
    assert!(worked() - began < 2, "too slow");
});

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// Seconds of work so far: a busy machine is no finding.
fn worked() -> i64 {
    clock_gettime(ClockId::ThreadCPUTime).tv_sec
}
