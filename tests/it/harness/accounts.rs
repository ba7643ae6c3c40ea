//! People besides those of the demo.

use std::fs;
use std::time::{Duration, Instant};

use super::{PATIENCE, Server};

impl Server {
    /// Adds these lines to the accounts and waits until `login`, whose password is the name, may
    /// come in.
    pub fn add_accounts(&self, lines: &str, login: &str) {
        let file = self.data().join("accounts.toml");
        fs::write(&file, fs::read_to_string(&file).unwrap() + lines).unwrap();
        let client = self.client(login);
        let start = Instant::now();
        while client.propfind("/principals/", "0", "").status != 207 {
            assert!(start.elapsed() < PATIENCE, "the server does not see {login}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Adds guest1, guest2 and so on, with these numbers in their addresses and GUIDs too.
    pub fn add_guests(&self, count: usize) {
        let account = |number: usize| {
            format!(
                "\n[[user]]\nname = \"guest{number}\"\n\
                 guid = \"90E57000-0000-4000-8000-{number:012}\"\n\
                 email = \"guest{number}@example.com\"\nplain_password = \"guest{number}\"\n"
            )
        };
        let lines: String = (1..=count).map(account).collect();
        self.add_accounts(&lines, &format!("guest{count}"));
    }
}
