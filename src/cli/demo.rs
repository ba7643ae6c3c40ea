//! `daybook serve --demo`: accounts to play with, and what to type next.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{FAILED, Failure};

/// Where the demonstration lives unless `--data` says otherwise.
const FOLDER: &str = "daybook-demo";

const ACCOUNTS: &str = include_str!("../../fixtures/homes/demo/accounts.toml");
const INVITATION: &str = include_str!("../../fixtures/homes/demo/lunch.ics");

/// A demonstration that is ready to be served.
pub(super) struct Demo {
    pub(super) folder: PathBuf,
    pub(super) accounts: PathBuf,
}

/// Makes the accounts and the invitation; files that are there already stay as they are.
pub(super) fn prepare(folder: Option<PathBuf>) -> Result<Demo, Failure> {
    let folder = folder.unwrap_or_else(|| PathBuf::from(FOLDER));
    let accounts = folder.join("accounts.toml");
    let cannot = |path: &Path, error: std::io::Error| {
        Failure::new(FAILED, format!("{}: cannot be written: {error}", path.display()))
    };
    fs::create_dir_all(&folder).map_err(|error| cannot(&folder, error))?;
    for (path, text) in [(&accounts, ACCOUNTS), (&folder.join("lunch.ics"), INVITATION)] {
        if !path.exists() {
            fs::write(path, text).map_err(|error| cannot(path, error))?;
        }
    }
    Ok(Demo { folder, accounts })
}

impl Demo {
    /// What to type next. A test runs these lines as they are printed.
    pub(super) fn what_next(&self, address: SocketAddr) -> String {
        let folder = self.folder.display();
        let homes = format!("http://{address}/calendars/users");
        format!(
            "\
Demo accounts: alice, bob, carol and the room \"boardroom\"; the password is the name.
Calendar programs want only the address above. By hand, in another terminal:

1. Alice invites Bob and the room:
    curl -u alice:alice -T {folder}/lunch.ics {homes}/alice/calendar/lunch.ics
2. Bob finds the invitation in his calendar:
    curl -u bob:bob {homes}/bob/calendar/
3. Bob accepts:
    sed '/bob@/s/NEEDS-ACTION/ACCEPTED/' {folder}/calendars/users/bob/calendar/*.ics | \
curl -u bob:bob -T - {homes}/bob/calendar/$(cd {folder}/calendars/users/bob/calendar && echo *.ics)

What that did, on disk:
    ls {folder}/calendars/users/*/calendar {folder}/calendars/users/*/inbox
    cat {folder}/calendars/users/alice/calendar/lunch.ics
    getfattr -d -m - {folder}/calendars/users/alice/calendar/lunch.ics
"
        )
    }
}
