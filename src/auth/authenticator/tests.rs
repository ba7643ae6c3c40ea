use std::path::Path;

use base64::Engine;
use http::HeaderMap;

use super::{Authenticator, Options};
use crate::auth::throttle::Limits;
use crate::clock::Clock;
use crate::dav::request::Origin;
use crate::dav::{DavPath, Method, Request};
use crate::principal::Principals;

/// The authenticator of fixtures/directory/accounts.toml and the folder its data are in.
pub fn authenticator(options: Options) -> (Authenticator, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Path::new("fixtures/directory/accounts.toml");
    let clock = Clock::system();
    let principals = Principals::open(accounts, folder.path(), &[], clock.clone()).unwrap();
    (Authenticator::new(options, principals, clock), folder)
}

pub fn request(headers: &[(&'static str, &str)]) -> Request {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let client = Some("192.0.2.1".parse().unwrap());
    Request {
        method: Method::Get,
        path: DavPath::root(),
        query: None,
        headers: map,
        body: bytes::Bytes::new(),
        origin: Origin { client, peer: client, ..Origin::default() },
    }
}

fn basic(name: &str, password: &str) -> String {
    let token = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    format!("Basic {token}")
}

#[test]
fn tells_who_asks() {
    let (auth, _folder) = authenticator(Options::default());
    let who = |headers: &[(&'static str, &str)]| match auth.authenticate(&request(headers)) {
        Ok(actor) => actor.log_name(),
        Err(error) => error.status.to_string(),
    };
    let with = |name: &str, password: &str| who(&[("authorization", &basic(name, password))]);
    assert_eq!(who(&[]), "-");
    assert_eq!(with("bob", "bob"), "bob");
    assert_eq!(with("bob@example.com", "bob"), "bob");
    assert_eq!(with("bob", "bobby"), "401");
    assert_eq!(with("bobby", "bob"), "401");
    assert_eq!(with("room-1", ""), "401");
    assert_eq!(who(&[("authorization", "Basic ???")]), "401");
    assert_eq!(who(&[("authorization", "Negotiate abc")]), "401");
    assert_eq!(who(&[("authorization", "")]), "401");
    let twice = basic("bob", "bob");
    assert_eq!(who(&[("authorization", &twice), ("authorization", &twice)]), "400");
    let portal = basic("portal", "portal");
    assert_eq!(who(&[("authorization", &portal)]), "400");
    let sudo = |target| who(&[("authorization", &portal), ("x-authorize-as", target)]);
    assert_eq!(sudo("carol"), "portal as carol");
    assert_eq!(sudo("portal"), "403");
    assert_eq!(sudo("nobody"), "403");
    let bob = basic("bob", "bob");
    assert_eq!(who(&[("authorization", &bob), ("x-authorize-as", "carol")]), "403");
    assert_eq!(who(&[("x-authorize-as", "carol")]), "401");
}

#[test]
fn an_unknown_name_and_a_wrong_password_look_the_same() {
    let (auth, _folder) = authenticator(Options::default());
    let answer = |name: &str| {
        let header = basic(name, "wrong");
        auth.authenticate(&request(&[("authorization", &header)])).unwrap_err()
    };
    assert_eq!(answer("alice"), answer("nobody"));
    assert_eq!(
        answer("nobody").headers,
        [("www-authenticate", "Basic realm=\"Example\", charset=\"UTF-8\"".to_owned())]
    );
}

#[test]
fn every_refusal_costs_one_hash() {
    let (auth, _folder) = authenticator(Options::default());
    let long = "x".repeat(crate::auth::password::PASSWORD_BYTES_MAX + 1);
    let cost = |name: &str, password: &str| {
        let before = crate::auth::password::HASHED.get();
        let header = basic(name, password);
        assert!(auth.authenticate(&request(&[("authorization", &header)])).is_err());
        crate::auth::password::HASHED.get() - before
    };
    // A hash, a plain password, a name without calendars, no password at all, a sudo user, nobody.
    for name in ["alice", "bob", "root", "room-1", "portal", "nobody", ""] {
        assert_eq!((cost(name, "wrong"), cost(name, &long)), (1, 0), "{name}");
    }
}

/// A name that nobody has is tried with somebody's secret, and never let in by it.
#[test]
fn a_name_that_nobody_has_signs_in_with_no_password_of_others() {
    let throttle = Limits { per_address: 0, per_name: 0, window_s: 60 };
    let (auth, _folder) = authenticator(Options { throttle, ..Options::default() });
    let ask = |name: &str, password: &str| {
        let header = basic(name, password);
        let request = request(&[("authorization", &header)]);
        let slow = auth.is_slow(&request);
        (slow, auth.authenticate(&request).map_err(|error| error.status))
    };
    let passwords = ["bob", "carol", "root", "backup", "portal", ""];
    for password in passwords {
        let _ = ask(password, password);
    }
    for name in (0..50).map(|number| format!("nobody{number}")) {
        for password in passwords {
            assert_eq!(ask(&name, password), (true, Err(401)), "{name}:{password}");
        }
    }
    let directory = auth.principals.current();
    let decoy = |name: &str| directory.decoy(name).unwrap().guid.clone();
    assert_eq!(decoy("nobody1"), decoy("nobody1"));
    let all: std::collections::HashSet<String> =
        (0..100).map(|number| decoy(&format!("nobody{number}"))).collect();
    assert!(all.len() > 2, "everybody's turn comes: {all:?}");
}

/// What is remembered of a header lasts as long as the record it was right for.
#[test]
fn a_remembered_header_ends_with_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = folder.path().join("accounts.toml");
    let write = |password: &str| {
        let text = format!("[[user]]\nname = \"bob\"\nplain_password = \"{password}\"\n");
        std::fs::write(&accounts, text).unwrap();
    };
    write("old");
    let clock = Clock::system();
    let principals = Principals::open(&accounts, folder.path(), &[], clock.clone()).unwrap();
    let auth = Authenticator::new(Options::default(), principals, clock);
    let with = |password: &str, more: &[(&'static str, &str)]| {
        let header = basic("bob", password);
        let headers = [&[("authorization", header.as_str())], more].concat();
        auth.authenticate(&request(&headers)).map_err(|error| error.status).is_ok()
    };
    for _ in 0..4 {
        assert!(with("old", &[]) && !with("new", &[]));
    }
    assert!(!with("old", &[("x-authorize-as", "bob")]), "and says only who it is");
    write("new, and longer");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while with("old", &[]) {
        assert!(std::time::Instant::now() < end, "the old password is still right");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(with("new, and longer", &[]) && with("new, and longer", &[]));
}

#[test]
fn hashing_is_foreseen_and_paid_once() {
    let (auth, _folder) = authenticator(Options::default());
    let header = basic("bob", "bob");
    let request = request(&[("authorization", &header)]);
    assert!(auth.is_slow(&request));
    auth.authenticate(&request).unwrap();
    assert!(!auth.is_slow(&request));
    assert!(!auth.is_slow(&self::request(&[])));
}

#[test]
fn guessing_is_braked_but_a_known_client_goes_on() {
    let throttle = Limits { per_address: 2, per_name: 0, window_s: 60 };
    let (auth, _folder) = authenticator(Options { throttle, ..Options::default() });
    let ask = |password: &str| {
        let header = basic("bob", password);
        auth.authenticate(&request(&[("authorization", &header)])).map_err(|error| error.status)
    };
    assert!(ask("bob").is_ok());
    assert_eq!(ask("1"), Err(401));
    assert_eq!(ask("2"), Err(401));
    assert_eq!(ask("3"), Err(429));
    assert!(ask("bob").is_ok(), "what is verified is not braked");
}

#[test]
fn digest_goes_by_the_challenge_and_comes_back_after_stale() {
    let (auth, _folder) = authenticator(Options { digest: true, ..Options::default() });
    let challenges = auth.authenticate(&request(&[("authorization", "Digest x")])).unwrap_err();
    let [sha256, md5, basic] = &challenges.headers[..] else { panic!("{challenges:?}") };
    assert!(sha256.1.contains("SHA-256") && md5.1.contains("MD5") && basic.1.contains("Basic"));
    let nonce = md5.1.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = |name: &str, password: &str, nonce: &str, count: &str, uri: &str| {
        use md5::{Digest, Md5};
        let hash = |text: String| {
            let bytes = Md5::digest(text.as_bytes());
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let first = hash(format!("{name}:Example:{password}"));
        let second = hash(format!("GET:{uri}"));
        let response = hash(format!("{first}:{nonce}:{count}:c:auth:{second}"));
        let header = format!(
            "Digest username=\"{name}\", realm=\"Example\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", nc={count}, cnonce=\"c\", qop=auth"
        );
        auth.authenticate(&request(&[("authorization", &header)]))
    };
    assert_eq!(answer("bob", "bob", nonce, "00000001", "/").unwrap().log_name(), "bob");
    let stale = answer("bob", "bob", nonce, "00000001", "/").unwrap_err();
    assert!(stale.headers.iter().all(|(_, value)| value.ends_with("stale=true")), "{stale:?}");
    assert_eq!(stale.headers.len(), 2);
    let wrong = answer("bob", "eve", nonce, "00000002", "/").unwrap_err();
    let nobody = answer("nobody", "", nonce, "00000002", "/").unwrap_err();
    assert_eq!((wrong.status, wrong.headers.len()), (nobody.status, nobody.headers.len()));
    assert_eq!(answer("bob", "bob", nonce, "00000003", "/x").unwrap_err().status, 400);
    assert!(answer("bob", "bob", nonce, "00000003", "http://h/").is_ok());
}

#[test]
fn a_header_is_believed_from_listed_peers_only() {
    let believing = |peer: &str| Options {
        remote_user: Some(crate::auth::RemoteUser {
            header: "x-remote-user".into(),
            peers: vec![crate::config::Network::parse(peer).unwrap()],
        }),
        ..Options::default()
    };
    let who = |options, name: &str| {
        let (auth, _folder) = authenticator(options);
        auth.authenticate(&request(&[("x-remote-user", name)])).map(|actor| actor.log_name())
    };
    assert_eq!(who(believing("192.0.2.0/24"), "carol").unwrap(), "carol");
    assert_eq!(who(believing("198.51.100.1"), "carol").unwrap(), "-");
    assert_eq!(who(Options::default(), "carol").unwrap(), "-");
    assert_eq!(who(believing("192.0.2.1"), "nobody").unwrap_err().status, 403);
}

#[test]
fn app_passwords_and_htpasswd_sign_in_too() {
    let folder = tempfile::tempdir().unwrap();
    let htpasswd = folder.path().join("htpasswd");
    std::fs::write(&htpasswd, format!("bob:{}\n", bcrypt::hash("listed", 4).unwrap())).unwrap();
    let options = Options {
        htpasswd: Some(htpasswd),
        app_passwords: Some(folder.path().join("app-passwords.toml")),
        ..Options::default()
    };
    let (auth, _folder) = authenticator(options);
    let with = |name: &str, password: &str| {
        let header = basic(name, password);
        auth.authenticate(&request(&[("authorization", &header)])).is_ok()
    };
    assert!(with("bob", "listed") && !with("bob", "bob") && with("carol", "carol"));
    let guid = auth.principals.current().by_login("carol").unwrap().guid.clone();
    let apps = auth.app_passwords().unwrap();
    let password = apps.create(&guid, "phone", chrono::Utc::now()).unwrap();
    assert!(with("carol", &password) && !with("bob", &password));
    apps.revoke(&guid, "phone").unwrap();
    assert!(!with("carol", &password));
}
