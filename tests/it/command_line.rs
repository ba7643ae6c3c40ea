//! The command line: exit codes, errors with file, line and reason, output where it belongs.

use std::fs;
use std::process::Output;

use crate::harness::daybook;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = daybook(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn help_tells_a_newcomer_where_to_start() {
    let (code, out, err) = run(&["--help"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for word in ["serve", "check", "daybook serve --demo"] {
        assert!(out.contains(word), "{word} is not in:\n{out}");
    }
    let (code, out, err) = run(&[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("Usage: daybook"), "{err}");
    assert_eq!(run(&["fly"]).0, Some(2));
}

#[test]
fn mistakes_are_told_with_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (config, accounts) = (path("daybook.toml"), path("accounts.toml"));
    for (config_text, accounts_text, expected) in [
        ("[server]\nlisten = 5\n", "", "daybook.toml:2: "),
        ("[server]\n\ntypo = 5\n", "", "daybook.toml:3: unknown field `typo`"),
        ("", "[[user]]\nname = 5\n", "accounts.toml"),
        ("", "\n[[user]]\nfullname = \"x\"\n", "line 3"),
    ] {
        fs::write(&config, config_text).unwrap();
        fs::write(&accounts, accounts_text).unwrap();
        for command in ["check", "serve"] {
            let (code, out, err) = run(&[command, "--config", &config]);
            assert!(err.contains(expected), "{command}: {expected} is not in {err}");
            assert!(matches!(code, Some(1 | 2)), "{command}: {code:?}");
            assert!(!out.contains("listens"), "{out}");
        }
    }
    let (code, _, err) = run(&["serve", "--config", &path("missing.toml")]);
    assert_eq!(code, Some(2));
    assert!(err.contains("missing.toml: cannot be read"), "{err}");
}

#[test]
fn a_good_configuration_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("daybook.toml");
    fs::write(&config, "").unwrap();
    fs::write(folder.path().join("accounts.toml"), "[[user]]\nname = \"alice\"\n").unwrap();
    let (code, out, err) = run(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("1 users"), "{out}");
}

#[test]
fn an_address_in_use_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (code, _, err) = run(&["serve", "--demo", "--data", data, "--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(err.contains(&format!("cannot listen on {address}")), "{err}");
}

#[test]
fn two_servers_never_share_a_data_directory() {
    let server = crate::harness::Server::start();
    let data = server.data().to_str().unwrap().to_owned();
    let (code, _, err) = run(&["serve", "--demo", "--data", &data, "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("another process uses the data directory"), "{err}");
}
