//! The pure parts on their own: parsing, recurrence, filters, the multistatus writer, the
//! comparison of two versions. `cargo bench --bench pure`; docs/performance.md has the figures.
#![allow(missing_docs)]

#[path = "load/data.rs"]
#[allow(dead_code)]
mod data;

use std::hint::black_box;

use chrono::{DateTime, Utc};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use daybook::caldav::{Filter, Period, Timetable};
use daybook::dav::Name;
use daybook::ical::recur::{Budget, Window, expand};
use daybook::ical::{self, Component, Zone, Zones};
use daybook::index::summary;
use daybook::schedule::instance_diff::difference;
use daybook::schedule::object::Object;
use daybook::schedule::users::{CalendarUsers, User};
use daybook::xml::{self, Multistatus};

/// Objects that each benchmark goes through.
const OBJECTS: u64 = 500;

fn texts() -> Vec<String> {
    (0..OBJECTS).map(|number| data::object(data::Seed::of(1, 10_000), number).text).collect()
}

fn trees() -> Vec<Component> {
    texts().iter().map(|text| ical::parse(text.as_bytes()).expect("iCalendar")).collect()
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::from_timestamp(data::instant(text), 0).expect("a time")
}

fn parsing(criterion: &mut Criterion) {
    let texts = texts();
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(texts.iter().map(|text| text.len() as u64).sum()));
    group.bench_function("scan and tree of 500 objects", |bencher| {
        bencher.iter(|| texts.iter().filter_map(|text| ical::parse(text.as_bytes()).ok()).count());
    });
    group.bench_function("index summary of 500 objects", |bencher| {
        bencher.iter(|| {
            texts.iter().for_each(|text| drop(black_box(summary::of_bytes(text.as_bytes()))));
        });
    });
    let mut request = String::from(
        r#"<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop>"#,
    );
    for number in 0..50 {
        request.push_str(&format!("<href>/calendars/users/bench/calendar/{number:08}.ics</href>"));
    }
    request.push_str("</C:calendar-multiget>");
    group.throughput(Throughput::Bytes(request.len() as u64));
    group.bench_function("XML request of 50 hrefs", |bencher| {
        bencher.iter(|| xml::parse(request.as_bytes()).is_ok());
    });
}

fn recurrence(criterion: &mut Criterion) {
    let series: Vec<Component> = trees()
        .into_iter()
        .filter(|tree| tree.master().is_some_and(|master| master.has("RRULE")))
        .collect();
    let mut group = criterion.benchmark_group("recurrence");
    group.throughput(Throughput::Elements(series.len() as u64));
    for (name, start, end) in [
        ("one week of each series", "20260608T000000Z", "20260615T000000Z"),
        ("ten years of each series", "20250101T000000Z", "20350101T000000Z"),
    ] {
        let window = Window::between(at(start), at(end));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for tree in &series {
                    let zones = Zones::of(tree, &Zone::utc());
                    drop(black_box(expand(tree, &zones, window, Budget::default())));
                }
            });
        });
    }
    let question = Period::new(at("20260608T000000Z"), at("20260615T000000Z"));
    group.bench_function("timetable of each series", |bencher| {
        let timetable = |tree| Timetable::of(tree, &Zone::utc(), question);
        bencher.iter(|| series.iter().filter_map(timetable).count());
    });
}

fn filter(criterion: &mut Criterion) {
    let trees = trees();
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(OBJECTS));
    let time = r#"<time-range start="20260608T000000Z" end="20260615T000000Z"/>"#;
    let text = r#"<prop-filter name="SUMMARY"><text-match>standup</text-match></prop-filter>"#;
    for (name, inner) in [("time-range on 500 objects", time), ("text-match on 500 objects", text)]
    {
        let filter = format!(
            r#"<filter xmlns="urn:ietf:params:xml:ns:caldav"><comp-filter name="VCALENDAR"><comp-filter name="VEVENT">{inner}</comp-filter></comp-filter></filter>"#
        );
        let filter = xml::parse(filter.as_bytes()).expect("XML");
        let filter = Filter::read(&filter).expect("a filter");
        group.bench_function(name, |bencher| {
            let matches = |tree: &&Component| filter.matches(tree, &Zones::of(tree, &Zone::utc()));
            bencher.iter(|| trees.iter().filter(matches).count());
        });
    }
}

fn multistatus(criterion: &mut Criterion) {
    let texts = texts();
    let mut group = criterion.benchmark_group("multistatus");
    let data = Name::caldav("calendar-data");
    for (name, with_data) in [("500 entity tags", false), ("500 calendar-data", true)] {
        let write = || {
            let mut out = Vec::new();
            let mut document = Multistatus::begin(&mut out);
            for (number, text) in texts.iter().enumerate() {
                let href = format!("/calendars/users/bench/calendar/{number:08}.ics");
                let written = document.response(&href, |propstats| {
                    propstats.propstat(200, |writer| {
                        writer.leaf(&Name::dav("getetag"), "\"0123456789abcdef0123456789abcdef\"");
                        if with_data {
                            writer.leaf_lines(&data, text);
                        }
                    });
                });
                written.expect("memory");
            }
            document.finish().expect("memory");
            out
        };
        group.throughput(Throughput::Bytes(write().len() as u64));
        group.bench_function(name, |bencher| bencher.iter(write));
    }
}

/// Nobody is a user of this server.
struct Nobody;

impl CalendarUsers for Nobody {
    fn user(&self, _: &str) -> Option<User> {
        None
    }

    fn is_ours(&self, _: &str) -> bool {
        false
    }
}

fn diff(criterion: &mut Criterion) {
    let pairs: Vec<(Component, Component)> = texts()
        .iter()
        .map(|text| {
            let new = text.replace("Room ", "Hall ");
            let parse = |text: &str| ical::parse(text.as_bytes()).expect("iCalendar");
            (parse(text), parse(&new))
        })
        .collect();
    let mut group = criterion.benchmark_group("diff");
    group.throughput(Throughput::Elements(OBJECTS));
    group.bench_function("two versions of 500 objects", |bencher| {
        bencher.iter_batched(
            || (),
            |()| {
                for (old, new) in &pairs {
                    let (old, new) = (Object::new(old), Object::new(new));
                    drop(black_box(difference(&old, &new, &Nobody, &[])));
                }
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, parsing, recurrence, filter, multistatus, diff);
criterion_main!(benches);
