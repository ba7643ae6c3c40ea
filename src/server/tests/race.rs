//! Two attendees answer while the organizer edits or deletes, and several people want one room:
//! every order of requests, and many rounds of threads. Nothing is lost, nothing is booked twice.

use super::event;
use super::site::{PEOPLE, ROOM, Site, Stored, guid};
use crate::ical::{Component, Property};

/// Rounds of threads; `DAYBOOK_ROUNDS` asks for more.
fn rounds() -> usize {
    let asked = std::env::var("DAYBOOK_ROUNDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if in_ci() { 500 } else { 40 })
}

/// Every order of steps of clients that have so many of them; outside of CI one in seven.
fn all_orders(steps: &[usize]) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    orders(&mut steps.to_vec(), &mut Vec::new(), &mut all);
    assert_eq!(all.len(), 420);
    all.into_iter().step_by(if in_ci() { 1 } else { 7 }).collect()
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some()
}

fn meeting(uid: &str, organizer: &str, attendees: &[&str]) -> String {
    let mut text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260601T100000Z\r\nDURATION:PT1H\r\nSUMMARY:0\r\n\
         ORGANIZER:mailto:{organizer}@example.com\r\n"
    );
    for who in attendees {
        text.push_str(&format!("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{who}@example.com\r\n"));
    }
    text.push_str("END:VEVENT\r\nEND:VCALENDAR\r\n");
    text
}

fn create(site: &Site, uid: &str, organizer: &str, attendees: &[&str]) -> u16 {
    let url = format!("/calendars/__uids__/{}/calendar/{uid}.ics", guid(organizer));
    site.request(organizer, "PUT", &url, &[], &meeting(uid, organizer, attendees)).status
}

/// What a client wants, worked into whatever it knows.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Summary(usize),
    Answer(&'static str),
    Delete,
}

/// How a client makes sure that it changes what it knows.
#[derive(Clone, Copy, Debug)]
enum Guard {
    ScheduleTag,
    ETag,
}

fn wished(who: &str, known: &Stored, wish: Wish) -> Component {
    let mut new = known.calendar.clone();
    let master = new.master_mut().unwrap();
    match wish {
        Wish::Summary(n) => master.set(Property::new("SUMMARY", &n.to_string())),
        Wish::Answer(answer) => assert!(event::answer(master, who, answer)),
        Wish::Delete => {}
    }
    new
}

/// One attempt; true unless the client has to look again.
fn attempt(site: &Site, who: &str, known: &Stored, wish: Wish, guard: Guard) -> bool {
    let (tag, etag) = (known.schedule_tag.clone().unwrap(), known.etag.clone());
    let field = match guard {
        Guard::ScheduleTag => ("if-schedule-tag-match", format!("\"{tag}\"")),
        Guard::ETag => ("if-match", format!("\"{etag}\"")),
    };
    let fields = [(field.0, field.1.as_str())];
    let reply = match wish {
        Wish::Delete => site.request(who, "DELETE", &known.url, &[], ""),
        _ => {
            let new = wished(who, known, wish).to_bytes();
            site.request(who, "PUT", &known.url, &fields, &String::from_utf8_lossy(&new))
        }
    };
    assert!(matches!(reply.status, 200 | 204 | 403 | 404 | 412), "{reply:?}");
    reply.status != 412
}

/// Looks and writes until it is done, or there is nothing to write to.
fn insist(site: &Site, who: &str, uid: &str, wish: Wish, guard: Guard) {
    while let Some(known) = site.object(who, uid) {
        if attempt(site, who, &known, wish, guard) {
            return;
        }
    }
}

fn assert_agreement(site: &Site, uid: &str, context: &str) {
    let found: Vec<_> =
        site.disagreements_of(uid).into_iter().filter(|(_, finding)| finding.certain).collect();
    assert!(found.is_empty(), "{context}: {found:#?}");
}

/// Everybody has the last summary and both answers.
fn assert_nothing_lost(site: &Site, uid: &str, summary: usize, context: &str) {
    assert_agreement(site, uid, context);
    for who in ["alice", "bob", "carol"] {
        let stored = site.object(who, uid).unwrap();
        let master = stored.calendar.master().unwrap();
        assert_eq!(master.value_of("SUMMARY"), Some(&*summary.to_string()), "{who}, {context}");
        for (attendee, answer) in [("bob", "ACCEPTED"), ("carol", "TENTATIVE")] {
            let line = event::line(master, attendee).unwrap();
            assert_eq!(line.param("PARTSTAT"), Some(answer), "{attendee} at {who}, {context}");
        }
    }
}

/// All orders of steps, where `left` tells how many steps each client has.
fn orders(left: &mut Vec<usize>, order: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    if left.iter().all(|steps| *steps == 0) {
        found.push(order.clone());
        return;
    }
    for client in 0..left.len() {
        if left[client] > 0 {
            left[client] -= 1;
            order.push(client);
            orders(left, order, found);
            order.pop();
            left[client] += 1;
        }
    }
}

/// Plays one order: a client's first step is to look, its second to write what it wishes, over
/// again for each wish. Who is told 412 looks and writes at once.
fn play(site: &Site, uid: &str, order: &[usize], clients: &[(&str, Vec<Wish>)], guard: Guard) {
    let mut known: Vec<Option<Stored>> = vec![None; clients.len()];
    let mut done = vec![0; clients.len()];
    for client in order {
        let (who, wishes) = &clients[*client];
        match known[*client].take() {
            None => known[*client] = site.object(who, uid),
            Some(seen) => {
                let wish = wishes[done[*client]];
                done[*client] += 1;
                if !attempt(site, who, &seen, wish, guard) {
                    insist(site, who, uid, wish, guard);
                }
            }
        }
    }
}

#[test]
fn every_order_of_two_answers_and_two_edits_loses_nothing() {
    let site = Site::new(|_| {});
    let (all, mut count) = (all_orders(&[4, 2, 2]), 0);
    for guard in [Guard::ScheduleTag, Guard::ETag] {
        for order in &all {
            let uid = format!("order-{count}");
            count += 1;
            assert_eq!(create(&site, &uid, "alice", &["bob", "carol"]), 201);
            let clients = [
                ("alice", vec![Wish::Summary(1), Wish::Summary(2)]),
                ("bob", vec![Wish::Answer("ACCEPTED")]),
                ("carol", vec![Wish::Answer("TENTATIVE")]),
            ];
            play(&site, &uid, order, &clients, guard);
            assert_nothing_lost(&site, &uid, 2, &format!("{guard:?}, {order:?}"));
            insist(&site, "alice", &uid, Wish::Delete, guard);
            for who in ["bob", "carol"] {
                insist(&site, who, &uid, Wish::Delete, guard);
            }
        }
    }
}

#[test]
fn every_order_of_answers_edits_and_deletions_agrees() {
    let site = Site::new(|_| {});
    for (count, order) in all_orders(&[4, 2, 2]).iter().enumerate() {
        let uid = format!("order-{count}");
        // Organizer and attendee take turns in being the one who deletes.
        let (edits, answer) = match count % 2 {
            0 => (vec![Wish::Summary(1), Wish::Delete], Wish::Answer("ACCEPTED")),
            _ => (vec![Wish::Summary(1), Wish::Summary(2)], Wish::Delete),
        };
        assert_eq!(create(&site, &uid, "alice", &["bob", "carol"]), 201);
        let carols = vec![Wish::Answer("TENTATIVE")];
        let clients = [("alice", edits), ("bob", vec![answer]), ("carol", carols)];
        play(&site, &uid, order, &clients, Guard::ScheduleTag);
        assert_agreement(&site, &uid, &format!("{clients:?}, {order:?}"));
    }
}

#[test]
fn threads_that_answer_and_edit_lose_nothing() {
    let site = Site::new(|_| {});
    for round in 0..rounds() {
        let uid = format!("round-{round}");
        assert_eq!(create(&site, &uid, "alice", &["bob", "carol"]), 201);
        let guard = if round % 2 == 0 { Guard::ScheduleTag } else { Guard::ETag };
        std::thread::scope(|scope| {
            let (site, uid) = (&site, &uid);
            scope.spawn(move || insist(site, "bob", uid, Wish::Answer("ACCEPTED"), guard));
            scope.spawn(move || insist(site, "carol", uid, Wish::Answer("TENTATIVE"), guard));
            for step in 1..4 {
                insist(site, "alice", uid, Wish::Summary(step), guard);
            }
        });
        assert_nothing_lost(&site, &uid, 3, &format!("round {round}"));
    }
    assert!(site.left_behind().is_empty(), "{:?}", site.left_behind());
    assert_eq!(site.damage(), []);
}

#[test]
fn threads_that_delete_meanwhile_agree() {
    let site = Site::new(|_| {});
    for round in 0..rounds() {
        let uid = format!("round-{round}");
        assert_eq!(create(&site, &uid, "alice", &["bob", "carol", "room"]), 201);
        let guard = Guard::ScheduleTag;
        std::thread::scope(|scope| {
            let (site, uid) = (&site, &uid);
            scope.spawn(move || insist(site, "bob", uid, Wish::Answer("ACCEPTED"), guard));
            scope.spawn(move || insist(site, "carol", uid, Wish::Delete, guard));
            insist(site, "alice", uid, Wish::Summary(1), guard);
            if round % 2 == 0 {
                insist(site, "alice", uid, Wish::Delete, guard);
            }
        });
        assert_agreement(&site, &uid, &format!("round {round}"));
        insist(&site, "alice", &uid, Wish::Delete, guard);
        assert!(site.object(ROOM, &uid).is_none(), "a cancelled booking stays");
    }
}

#[test]
fn a_room_that_many_want_is_booked_once() {
    let site = Site::new(|_| {});
    for round in 0..rounds() {
        let uid = |who: &str| format!("{who}-{round}");
        std::thread::scope(|scope| {
            for who in &PEOPLE[..4] {
                let (site, uid) = (&site, uid(who));
                scope.spawn(move || assert_eq!(create(site, &uid, who, &[ROOM]), 201));
            }
        });
        let answers = PEOPLE[..4].iter().map(|who| {
            let stored = site.object(who, &uid(who)).unwrap();
            let line = event::line(stored.calendar.master().unwrap(), ROOM).cloned();
            line.unwrap().param("PARTSTAT").unwrap_or_default().to_owned()
        });
        let mut answers: Vec<String> = answers.collect();
        answers.sort();
        assert_eq!(answers, ["ACCEPTED", "DECLINED", "DECLINED", "DECLINED"], "round {round}");
        for who in &PEOPLE[..4] {
            assert_agreement(&site, &uid(who), &format!("round {round}"));
            insist(&site, who, &uid(who), Wish::Delete, Guard::ScheduleTag);
        }
    }
    assert!(site.objects(ROOM).is_empty());
}
