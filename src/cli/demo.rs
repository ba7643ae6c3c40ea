//! `daybook serve --demo`: accounts to play with, and what to type next.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
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
    // Calendars are nobody else's business.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| cannot(&folder, error))?;
    for (path, text) in [(&accounts, ACCOUNTS), (&folder.join("lunch.ics"), INVITATION)] {
        if !path.exists() {
            write(path, text).map_err(|error| cannot(path, error))?;
        }
    }
    Ok(Demo { folder, accounts })
}

/// Half of a file that is there already would be served after a power failure.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl Demo {
    /// What to type next. A test runs these lines as they are printed.
    pub(super) fn what_next(&self, address: SocketAddr) -> String {
        let folder = quoted(&self.folder);
        let homes = format!("http://{address}/calendars/users");
        let (alices, bobs) = (
            format!("{folder}/calendars/users/alice/calendar"),
            format!("{folder}/calendars/users/bob/calendar"),
        );
        format!(
            "\
Demo accounts: alice, bob, carol and the room \"boardroom\"; the password is the name.
Calendar programs want only the address above. By hand, in another terminal, from this folder:

1. Alice invites Bob and the room:
    curl -si -u alice:alice -T {folder}/lunch.ics {homes}/alice/calendar/lunch.ics
2. Bob has the invitation in his calendar:
    curl -s -u bob:bob {homes}/bob/calendar/
3. Bob accepts:
    sed s/NEEDS-ACTION/ACCEPTED/ {bobs}/*.ics | \
curl -si -u bob:bob -T - {homes}/bob/calendar/$(ls {bobs})

Now Alice's copy says that Bob and the room come. Everything is a plain file:
    ls {folder}/calendars/users/*/calendar {folder}/calendars/users/*/inbox
    cat {alices}/lunch.ics
    getfattr -d {alices}/lunch.ics
(getfattr is in the package attr: apt install attr)
"
        )
    }
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "-_./+,:@%".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn paths_survive_the_shell() {
        for (path, expected) in
            [("daybook-demo", "daybook-demo"), ("/srv/a b", "'/srv/a b'"), ("it's", "'it'\\''s'")]
        {
            assert_eq!(super::quoted(Path::new(path)), expected);
        }
    }
}
