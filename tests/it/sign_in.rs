//! Sign-in by other directories, through the real server: an LDAP server and an OpenID provider of
//! the test process.

use daybook::auth::oidc::Oidc;
use daybook::config;
use serde_json::{Value, json};

use crate::harness::fake_ldap::{Entry, FakeLdap};
use crate::harness::fake_provider::FakeProvider;
use crate::harness::{Client, Server};

const HOME: &str = "/calendars/users/dave/";

fn people() -> Vec<Entry> {
    let entry = |dn, password, uid, guid| Entry {
        dn,
        password,
        attributes: vec![
            ("objectClass", "person"),
            ("uid", uid),
            ("cn", "Dave Example"),
            ("mail", "Dave@example.net"),
            ("entryUUID", guid),
        ],
    };
    let service = Entry { dn: "cn=reader,dc=example", password: "service", attributes: Vec::new() };
    let dave = "uid=dave,ou=people,dc=example";
    vec![service, entry(dave, "right", "dave", "da7e0000-0000-4000-8000-000000000009")]
}

fn status(server: &Server, name: &str, password: &str, path: &str) -> u16 {
    Client::new(server.address(), Some((name, password))).propfind(path, "0", "").status
}

fn check_ldap(server: &Server, ldap: &FakeLdap) {
    assert_eq!(status(server, "dave", "wrong", HOME), 401);
    assert_eq!(status(server, "dave", "", HOME), 401, "a bind as nobody is no sign-in");
    assert_eq!(status(server, "nobody", "right", HOME), 401);
    assert_eq!(status(server, "*", "right", HOME), 401);
    assert_eq!(status(server, "dave,ou=people", "right", HOME), 401);
    assert_eq!(status(server, "dave", "right", HOME), 207);
    let binds = ldap.binds();
    assert_eq!(status(server, "dave", "right", HOME), 207);
    assert_eq!(ldap.binds(), binds, "what was right is remembered");
    assert_eq!(status(server, "DAVE", "right", HOME), 207, "one person, however they are spelled");
    // Accounts with a password of their own are not asked for elsewhere.
    let binds = ldap.binds();
    assert_eq!(status(server, "bob", "bob", "/calendars/users/bob/"), 207);
    assert_eq!(status(server, "bob", "right", "/calendars/users/bob/"), 401);
    assert_eq!(ldap.binds(), binds);
    let people = std::fs::read_to_string(server.data().join("people.toml")).unwrap();
    assert!(people.contains("DA7E0000-0000-4000-8000-000000000009"), "{people}");
    assert_eq!(people.matches("[[user]]").count(), 1, "{people}");
    let body = "<propfind xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><prop>\
                <displayname/><C:calendar-user-address-set/></prop></propfind>";
    let principal = server.client("bob").propfind("/principals/users/dave/", "0", body);
    let text = principal.expect(207).text();
    assert!(text.contains("Dave Example") && text.contains("mailto:dave@example.net"), "{text}");
    // The name is given to somebody else: the calendars are not.
    ldap.change(|entries| {
        entries[1].password = "new";
        entries[1].attributes[4].1 = "00000000-0000-4000-8000-00000000000a";
    });
    assert_eq!(status(server, "dave", "new", HOME), 401);
}

#[test]
fn ldap_signs_in_by_a_template() {
    let ldap = FakeLdap::start(people());
    let server = Server::start_with(&format!(
        "[ldap]\nurl = 'ldap://{}'\nbind_dn = 'uid={{name}},ou=people,dc=example'\n\
         make_users = true\n",
        ldap.address
    ));
    // The fake compares names by letter, so the other spelling is not an entry for it.
    ldap.change(|entries| {
        let mut upper = entries[1].clone();
        upper.dn = "uid=DAVE,ou=people,dc=example";
        entries.push(upper);
    });
    check_ldap(&server, &ldap);
}

#[test]
fn ldap_signs_in_by_a_search() {
    let ldap = FakeLdap::start(people());
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "service\n").unwrap();
    let server = Server::start_with(&format!(
        "[ldap]\nurl = 'ldap://{}'\nsearch_base = 'ou=people,dc=example'\n\
         service_dn = 'cn=reader,dc=example'\nservice_password_file = '{}'\nmake_users = true\n",
        ldap.address,
        secret.display()
    ));
    check_ldap(&server, &ldap);
    std::fs::write(&secret, "changed").unwrap();
    assert_eq!(status(&server, "dave", "other", HOME), 503, "nobody can say");
    server.wait_for_log("refuses the service account");
}

fn bearer(server: &Server, token: &str) -> u16 {
    let headers = [("Authorization", format!("Bearer {token}")), ("Depth", "0".to_owned())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    server.anonymous().send("PROPFIND", HOME, &headers, b"").status
}

fn claims(provider: &FakeProvider, change: &[(&str, Value)]) -> Value {
    let end = chrono::Utc::now().timestamp() + 3600;
    let mut claims = json!({
        "iss": provider.issuer(), "aud": ["other", "daybook"], "exp": end,
        "sub": "da7e0000-0000-4000-8000-000000000009", "preferred_username": "dave",
        "name": "Dave Example", "email": "dave@example.net", "email_verified": true,
    });
    for (name, value) in change {
        claims[name] = value.clone();
    }
    claims
}

#[test]
fn tokens_are_checked_with_the_providers_keys() {
    let provider = FakeProvider::start();
    let server = Server::start_with(&format!(
        "[auth]\nfailures_per_address = 0\n\
         [oidc]\nissuer = '{}'\naudience = 'daybook'\nmake_users = true\n",
        provider.issuer()
    ));
    let refused = server.anonymous().propfind(HOME, "0", "").expect(401);
    let offers = refused.headers.iter().filter(|(name, _)| name == "www-authenticate");
    assert!(offers.clone().any(|(_, value)| value.starts_with("Bearer realm=")), "{refused:?}");
    let good = claims(&provider, &[]);
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        assert_eq!(bearer(&server, &provider.token(algorithm, &good)), 207, "{algorithm}");
    }
    assert_eq!(provider.questions(), 2, "discovery and keys, once");
    let now = chrono::Utc::now().timestamp();
    for (name, value) in [
        ("iss", json!("http://127.0.0.1:1")),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", Value::Null),
        ("exp", json!(now - 120)),
        ("exp", Value::Null),
        ("nbf", json!(now + 600)),
        ("preferred_username", Value::Null),
        ("sub", json!("00000000-0000-4000-8000-00000000000a")),
    ] {
        let token = provider.token("EdDSA", &claims(&provider, &[(name, value.clone())]));
        assert_eq!(bearer(&server, &token), 401, "{name}: {value}");
    }
    let lies = [
        (json!({"alg": "none"}), "none"),
        (json!({"alg": "HS256", "kid": "HS256"}), "HS256"),
        (json!({"alg": "RS256", "kid": "EdDSA"}), "EdDSA"),
        (json!({"alg": "EdDSA", "kid": "EdDSA"}), "ES256"),
        (json!({"alg": "EdDSA", "kid": "EdDSA", "crit": ["b64"]}), "EdDSA"),
        (json!({"alg": "EdDSA", "kid": "unknown"}), "EdDSA"),
    ];
    for (header, algorithm) in lies {
        assert_eq!(bearer(&server, &provider.sign(&header, algorithm, &good)), 401, "{header}");
    }
    let nameless = provider.sign(&json!({"alg": "ES256"}), "ES256", &good);
    assert_eq!(bearer(&server, &nameless), 207);
    for text in ["", "a", "a.b", "a.b.c", "..", "e30.e30.e30"] {
        assert_eq!(bearer(&server, text), 401, "{text}");
    }
    let other = FakeProvider::start().token("EdDSA", &good);
    assert_eq!(bearer(&server, &other), 401, "somebody else's signature");
}

/// What the provider signs with changes: new keys are looked for when no known one has signed, but
/// not for every token that somebody makes up, and what an old key has signed is worth nothing.
#[test]
fn the_providers_keys_may_change() {
    let provider = FakeProvider::start();
    let oidc = Oidc::new(config::Oidc {
        issuer: provider.issuer(),
        audience: "daybook".to_owned(),
        ..config::Oidc::default()
    });
    let good = claims(&provider, &[]);
    let start = chrono::Utc::now();
    let at = |seconds| start + chrono::Duration::seconds(seconds);
    let nameless =
        |provider: &FakeProvider| provider.sign(&json!({"alg": "EdDSA"}), "EdDSA", &good);
    let (old, old_nameless) = (provider.token("EdDSA", &good), nameless(&provider));
    assert_eq!(oidc.check(&old, at(0)).unwrap().person.name, "dave");
    assert_eq!(provider.questions(), 2, "discovery and keys");

    // The same names, other keys.
    provider.change_keys();
    let new = provider.token("EdDSA", &good);
    assert!(oidc.check(&old, at(1)).is_ok(), "nobody has asked yet");
    assert!(oidc.check(&new, at(29)).is_err(), "not twice within half a minute");
    assert_eq!(provider.questions(), 2);
    assert!(oidc.check(&new, at(31)).is_ok());
    assert_eq!(provider.questions(), 4);
    assert!(oidc.check(&old, at(32)).is_err() && oidc.check(&old_nameless, at(32)).is_err());
    assert_eq!(provider.questions(), 4);

    // Other names, and none.
    provider.change_keys();
    provider.rename_keys("-3");
    let header = json!({"alg": "ES256", "kid": "ES256-3"});
    assert!(oidc.check(&provider.sign(&header, "ES256", &good), at(70)).is_ok());
    assert_eq!(provider.questions(), 6);
    provider.change_keys();
    assert!(oidc.check(&nameless(&provider), at(110)).is_ok());
    assert_eq!(provider.questions(), 8);

    // A key that is withdrawn is forgotten within the hour, asked for or not.
    let last = provider.token("EdDSA", &good);
    provider.change_keys();
    assert!(oidc.check(&last, at(111)).is_ok());
    assert!(oidc.check(&last, at(110 + 3600)).is_err());
}

#[test]
fn tokens_are_asked_about() {
    let provider = FakeProvider::start();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s%cret\n").unwrap();
    let server = Server::start_with(&format!(
        "[oidc]\nissuer = '{issuer}'\nintrospection_url = '{issuer}/introspect'\n\
         client_id = 'daybook'\nclient_secret_file = '{}'\nmake_users = true\n",
        secret.display(),
        issuer = provider.issuer()
    ));
    assert_eq!(bearer(&server, "opaque"), 401);
    let mut answer = claims(&provider, &[]);
    answer["active"] = true.into();
    provider.introspect_as(answer);
    assert_eq!(bearer(&server, "opaque"), 207);
    let questions = provider.questions();
    assert_eq!(bearer(&server, "opaque"), 207);
    assert_eq!(provider.questions(), questions, "what was active is remembered");
    assert_eq!(bearer(&server, "other"), 401);
    provider.introspect_as(json!({"error": "x"}));
    assert_eq!(bearer(&server, "opaque2"), 401);
}

/// RFC 7662 §2.2: that a token is active is not all that counts.
#[test]
fn what_is_said_of_a_token_is_checked() {
    let provider = FakeProvider::start();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s%cret\n").unwrap();
    let oidc = Oidc::new(config::Oidc {
        issuer: provider.issuer(),
        audience: "daybook".to_owned(),
        introspection_url: format!("{}/introspect", provider.issuer()),
        client_id: "daybook".to_owned(),
        client_secret_file: secret,
        ..config::Oidc::default()
    });
    let now = chrono::Utc::now();
    let says = |change: &[(&str, Value)]| {
        let mut answer = claims(&provider, &[("active", true.into())]);
        for (name, value) in change {
            answer[name] = value.clone();
        }
        provider.introspect_as(answer);
        oidc.check("opaque", now).map(|bearer| bearer.person.name)
    };
    assert_eq!(says(&[]).as_deref(), Ok("dave"));
    assert_eq!(says(&[("iss", Value::Null)]).as_deref(), Ok("dave"), "asked, it need not say so");
    for (name, value) in [
        ("active", json!(false)),
        ("active", json!("true")),
        ("iss", json!("http://127.0.0.1:1")),
        ("aud", json!("other")),
        ("aud", Value::Null),
        ("exp", json!(now.timestamp() - 120)),
        ("nbf", json!(now.timestamp() + 600)),
        ("preferred_username", Value::Null),
    ] {
        assert!(says(&[(name, value.clone())]).is_err(), "{name}: {value}");
    }
}
