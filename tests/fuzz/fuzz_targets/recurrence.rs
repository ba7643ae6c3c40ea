//! Any calendar object: its instances are found or refused, soon and without a panic.
#![no_main]

use daybook::ical::recur::{Budget, Window, check, derive_instance, expand, spans};
use daybook::ical::{Zone, Zones, parse};
use libfuzzer_sys::fuzz_target;
use rustix::time::{ClockId, clock_gettime};

fuzz_target!(|bytes: &[u8]| {
    let Ok(tree) = parse(bytes) else { return };
    let began = worked();
    let zones = Zones::of(&tree, &Zone::utc());
    let budget = Budget { instances: 1000, truncate: true, ..Budget::default() };
    let all = expand(&tree, &zones, Window::default(), budget);
    let _ = check(&tree, &zones, Budget::default());
    let _ = spans(&tree, &zones, chrono_end());
    if let Ok(all) = all {
        assert!(all.instances.is_sorted_by_key(|instance| instance.start));
        if let Some(first) = all.instances.first() {
            let _ = derive_instance(&tree, &zones, &first.recurrence_id);
        }
    }
    assert!(worked() - began < 2, "too slow");
});

fn chrono_end() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()
}

/// Seconds of work so far: a busy machine is no finding.
fn worked() -> i64 {
    clock_gettime(ClockId::ThreadCPUTime).tv_sec
}
