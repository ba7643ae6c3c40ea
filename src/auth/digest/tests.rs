use chrono::{Duration, TimeZone, Utc};

use super::{Algorithm, Credentials, NONCE_LIFETIME_MIN, Nonces, Outcome, expected, parse};
use crate::principal::Secret;

const MUFASA: &str = r#"username="Mufasa", realm="http-auth@example.org",
    uri="/dir/index.html", algorithm=ALGORITHM,
    nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth,
    response="8ca523f5e9506fed4657c9700eebdbec",
    opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;

#[test]
fn computes_the_examples_of_the_rfc() {
    // RFC 7616 §3.9.1
    let plain = Secret { plain: Some("Circle of Life".into()), ..Secret::default() };
    for (algorithm, response) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let credentials = parse(&MUFASA.replace("ALGORITHM", algorithm)).unwrap();
        let found = expected(&credentials, "GET", "http-auth@example.org", &plain);
        assert_eq!(found, (response.to_owned(), true), "{algorithm}");
        let stored = Algorithm::parse(algorithm).unwrap().stored(
            "Mufasa",
            "http-auth@example.org",
            "Circle of Life",
        );
        let hashed = Secret { digests: vec![stored], ..Secret::default() };
        let found = expected(&credentials, "GET", "http-auth@example.org", &hashed);
        assert_eq!(found, (response.to_owned(), true), "{algorithm} stored");
    }
}

#[test]
fn refuses_what_is_no_digest_response() {
    let good = MUFASA.replace("ALGORITHM", "MD5");
    assert!(parse(&good).is_some());
    for (from, to) in [
        ("qop=auth", "qop=auth-int"),
        (", qop=auth", ""),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=0000000g"),
        ("algorithm=MD5", "algorithm=MD5-sess"),
        ("username=", "user="),
        ("opaque=", "realm="),
        ("URZJ\"", "URZJ"),
        ("cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\"", "cnonce=\"\""),
    ] {
        assert_ne!(good.replace(from, to), good, "{from}");
        assert_eq!(parse(&good.replace(from, to)), None, "{from} → {to}");
    }
    for text in ["", "x", "=", "a=\"", "a=\"\\", "a=b c=\"d\" e"] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_nonce_serves_one_client_once_per_count_for_a_while() {
    let nonces = Nonces::default();
    let now = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
    let secret = Secret { plain: Some("bob".into()), ..Secret::default() };
    let here = Some("192.0.2.1".parse().unwrap());
    let there = Some("192.0.2.2".parse().unwrap());
    let fresh = || {
        let challenges = nonces.challenges("r", here, false, now);
        assert!(challenges[0].contains("SHA-256") && challenges[1].contains("MD5"));
        challenges[0].split('"').nth(3).unwrap().to_owned()
    };
    let ask = |nonce: &str, count: &str, password: &str, client, at| {
        let mut credentials = Credentials {
            name: "bob".into(),
            uri: "/".into(),
            algorithm: Algorithm::Sha256,
            realm: "r".into(),
            nonce: nonce.into(),
            response: String::new(),
            count: count.into(),
            client_nonce: "c".into(),
        };
        let known = Secret { plain: Some(password.into()), ..Secret::default() };
        credentials.response = expected(&credentials, "GET", "r", &known).0;
        nonces.judge(&credentials, "GET", "r", &secret, client, at)
    };
    let nonce = fresh();
    assert_eq!(ask(&nonce, "00000001", "bob", here, now), Outcome::Right);
    assert_eq!(ask(&nonce, "00000001", "bob", here, now), Outcome::Stale, "a replay");
    assert_eq!(ask(&nonce, "00000004", "bob", here, now), Outcome::Right, "another connection");
    assert_eq!(ask(&nonce, "00000003", "bob", here, now), Outcome::Right, "late");
    assert_eq!(ask(&nonce, "00000003", "bob", here, now), Outcome::Stale, "late and again");
    assert_eq!(ask(&nonce, "00000100", "bob", here, now), Outcome::Right);
    assert_eq!(ask(&nonce, "00000005", "bob", here, now), Outcome::Stale, "far too late");
    assert_eq!(ask(&nonce, "00000101", "eve", here, now), Outcome::Wrong);
    assert_eq!(ask("unknown", "00000001", "bob", here, now), Outcome::Stale);
    assert_eq!(ask("unknown", "00000001", "eve", here, now), Outcome::Wrong);
    let later = now + Duration::minutes(NONCE_LIFETIME_MIN);
    assert_eq!(ask(&nonce, "00000102", "bob", here, later), Outcome::Stale, "old");
    let nonce = fresh();
    assert_eq!(ask(&nonce, "00000001", "bob", there, now), Outcome::Stale, "another address");
    assert_eq!(ask(&nonce, "00000002", "bob", here, now), Outcome::Stale, "ended by it");
    let stale = nonces.challenges("r", here, true, now);
    assert!(stale.iter().all(|challenge| challenge.ends_with("stale=true")));
}
