//! `daybook principals` beside a running server: every action, for several principals at once, seen
//! by the server without a restart and kept when the accounts file changes.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::{Client, Server, daybook};

const CALENDAR: &str = "/calendars/users/alice/calendar/";

/// Exit code, standard output, standard error.
fn run(server: &Server, arguments: &[&str]) -> (i32, String, String) {
    let config = server.data().join("tool.toml");
    let accounts = server.data().join("accounts.toml");
    let text = format!("[data]\nroot = {:?}\n[directory]\nfile = {accounts:?}\n", server.data());
    fs::write(&config, text).unwrap();
    let all = [&["principals", "--config", config.to_str().unwrap()], arguments].concat();
    let output = daybook(&all).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn lines(server: &Server, arguments: &[&str]) -> Vec<String> {
    let (code, out, err) = run(server, arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
    out.lines().map(str::to_owned).collect()
}

/// Waits until the server answers so; it looks at its files once a second.
fn becomes(status: u16, ask: impl Fn() -> u16) {
    let end = Instant::now() + Duration::from_secs(10);
    while ask() != status {
        assert!(Instant::now() < end, "{} is not {status}", ask());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn delegates_come_and_go_while_the_server_runs() {
    let server = Server::start();
    let bob = server.client("bob");
    server.client("alice").propfind(CALENDAR, "0", "").expect(207);
    let reads = || bob.propfind(CALENDAR, "0", "").status;
    let makes = || bob.send("MKCALENDAR", &format!("{CALENDAR}x/"), &[], b"").status;
    assert_eq!(reads(), 403);
    assert_eq!(lines(&server, &["--add-read-proxy", "users:bob", "users:alice"]), [""; 0]);
    becomes(207, reads);
    bob.put(&format!("{CALENDAR}a.ics"), "").expect(403);

    // The other kind takes the place of the first; a group in the other notation comes along.
    let groups = "\n[[group]]\nname = \"staff\"\nmembers = [\"groups:cooks\"]\n\
                  \n[[group]]\nname = \"cooks\"\nmembers = [\"users:carol\"]\n";
    let accounts = server.data().join("accounts.toml");
    fs::write(&accounts, fs::read_to_string(&accounts).unwrap() + groups).unwrap();
    let changed = ["--add-write-proxy", "B0B00000-0000-4000-8000-000000000002"];
    let more = ["--add-write-proxy", "(groups)staff", "--list-proxies", "users:alice"];
    assert_eq!(
        lines(&server, &[&changed[..], &more[..]].concat()),
        [
            "users:alice\tread_proxies\t(none)",
            "users:alice\twrite_proxies\tusers:bob",
            "users:alice\twrite_proxies\tgroups:staff",
        ]
    );
    becomes(403, makes);
    let carol = server.client("carol");
    becomes(207, || carol.propfind(CALENDAR, "0", "").status);

    // What was set over HTTP meanwhile stays, and so does everything when the accounts change.
    let members = "<propertyupdate xmlns='DAV:'><set><prop><group-member-set><href>\
                   /principals/__uids__/CA401000-0000-4000-8000-000000000003/</href>\
                   </group-member-set></prop></set></propertyupdate>";
    let proxies = "/principals/users/bob/calendar-proxy-read/";
    bob.send("PROPPATCH", proxies, &[], members.as_bytes()).expect(207);
    lines(&server, &["--remove-proxy", "users:bob", "users:alice", "users:carol"]);
    becomes(403, reads);
    let listed = lines(&server, &["--list-read-proxies", "users:bob"]);
    assert_eq!(listed, ["users:bob\tread_proxies\tusers:carol"]);
    let text = fs::read_to_string(&accounts).unwrap();
    fs::write(&accounts, text + "\n[[user]]\nname = \"dora\"\nplain_password = \"dora\"\n")
        .unwrap();
    let dora = Client::new(server.address(), Some(("dora", "dora")));
    becomes(200, || dora.get("/principals/users/dora/").status);
    assert_eq!(carol.propfind(CALENDAR, "0", "").status, 207);
    assert_eq!(carol.propfind("/calendars/users/bob/", "0", "").status, 207);
    assert_eq!(reads(), 403);
}

#[test]
fn many_principals_in_one_call() {
    let server = Server::start();
    let rooms = ["locations:boardroom", "users:alice"];
    let get = [&["--get-auto-schedule"], &rooms[..]].concat();
    let (code, out, err) = run(&server, &[&["--set-auto-schedule", "false"], &get[..]].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, "locations:boardroom\tauto_schedule\tnone\nusers:alice\tauto_schedule\tnone\n");
    // Users answer for themselves: told on standard error, and the others are done all the same.
    let set = ["--set-auto-schedule", "true", "--get-auto-schedule"];
    let who = ["users:alice", "users:nobody", "locations:boardroom"];
    let (code, out, err) = run(&server, &[&set[..], &who[..]].concat());
    assert_eq!(code, 1);
    assert_eq!(out, "locations:boardroom\tauto_schedule\tautomatic\n");
    assert!(err.contains("users:nobody") && err.lines().count() == 3, "{err}");

    let property = ["--json", "-P", "{DAV:}displayname", "users:alice", "users:bob"];
    let names: Vec<serde_json::Value> =
        lines(&server, &property).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(names[0]["principal"], "users:alice");
    assert_eq!(names[1]["guid"], "B0B00000-0000-4000-8000-000000000002");
    assert!(names[1]["values"][0].as_str().unwrap().contains("Bob Baker"), "{names:?}");
    for wrong in [["-P", "displayname", "users:bob"], ["-P", "{DAV:}fly", "users:bob"]] {
        let (code, out, err) = run(&server, &wrong);
        assert!(code == 1 && out.is_empty() && err.contains(wrong[1]), "{code} {out} {err}");
    }
}

#[test]
fn actions_are_done_in_the_order_given() {
    let server = Server::start();
    let rooms = "locations:boardroom";
    let modes = ["--get-auto-schedule", "--set-auto-schedule", "false", "--get-auto-schedule"];
    let more = ["--set-auto-schedule", "accept-if-free", "--get-auto-schedule", rooms];
    let printed = |text: &str| format!("locations:boardroom\tauto_schedule\t{text}");
    assert_eq!(
        lines(&server, &[&modes[..], &more[..]].concat()),
        [printed("automatic"), printed("none"), printed("accept-if-free")]
    );
    // A delegate is of one kind, the last one said.
    let delegates = ["--add-read-proxy", "users:bob", "--list-proxies", "--add-write-proxy"];
    let more = ["users:bob", "--list-proxies", "--remove-proxy", "users:bob", "--list-proxies"];
    let listed = lines(&server, &[&delegates[..], &more[..], &["users:alice"]].concat());
    let listed: Vec<&str> =
        listed.iter().filter_map(|line| line.strip_prefix("users:alice\t")).collect();
    let (read, write) = ("read_proxies", "write_proxies");
    let line = |kind: &str, whom: &str| format!("{kind}\t{whom}");
    assert_eq!(
        listed,
        [
            line(read, "users:bob"),
            line(write, "(none)"),
            line(read, "(none)"),
            line(write, "users:bob"),
            line(read, "(none)"),
            line(write, "(none)"),
        ]
    );
    // What fails ends the list for that principal: what was before it is done.
    let failing = ["--add-read-proxy", "users:bob", "--revoke-app-password", "x", "--list-proxies"];
    let (code, out, err) = run(&server, &[&failing[..], &["users:alice"]].concat());
    assert!(code == 1 && out.is_empty() && err.contains("no app password called x"), "{out} {err}");
    assert_eq!(
        lines(&server, &["--list-read-proxies", "users:alice"])[0],
        "users:alice\tread_proxies\tusers:bob"
    );
}

#[test]
fn app_passwords_are_named_seen_in_use_and_revoked() {
    let server = Server::start();
    let made = lines(&server, &["--add-app-password", "phone", "users:alice"]);
    let password = made[0].rsplit('\t').next().unwrap().to_owned();
    let phone = Client::new(server.address(), Some(("alice", &password)));
    phone.propfind(CALENDAR, "0", "").expect(207);
    Client::new(server.address(), Some(("bob", &password))).get("/principals/").expect(401);
    server.client("alice").propfind(CALENDAR, "0", "").expect(207);
    let list = lines(&server, &["--list-app-passwords", "users:alice"]);
    assert!(list[0].contains("phone, made ") && !list[0].contains("never"), "{list:?}");
    assert!(!list[0].contains(&password), "{list:?}");
    let again = run(&server, &["--add-app-password", "phone", "users:alice"]);
    assert!(again.0 == 1 && again.1.is_empty(), "{again:?}");
    lines(&server, &["--revoke-app-password", "phone", "users:alice"]);
    becomes(401, || phone.propfind(CALENDAR, "0", "").status);
    let kept = fs::read_to_string(server.data().join("app-passwords.toml"));
    assert!(!kept.unwrap_or_default().contains(&password));
}
