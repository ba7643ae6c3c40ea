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
