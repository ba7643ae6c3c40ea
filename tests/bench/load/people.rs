//! The people of another server: where each has a calendar, an inbox and an outbox, and how all of
//! it is filled and looked at over HTTP, whatever the server keeps it in.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::client::{Account, Call};
use crate::data::{self, Seed};
use crate::measure::{self, Length};
use crate::server::{self, COLLEAGUES, COLLEAGUES_OBJECTS, PASSWORD, name_of};

/// Paths, with both slashes; `{}` is the name that somebody signs in with.
#[derive(Args, Clone)]
pub struct People {
    #[arg(long)]
    calendar: String,
    /// Absent: it does not schedule.
    #[arg(long, requires = "outbox")]
    inbox: Option<String>,
    #[arg(long, requires = "inbox")]
    outbox: Option<String>,
}

impl People {
    pub fn calendar(&self, name: &str) -> String {
        self.calendar.replace("{}", name)
    }

    /// The outbox of the one who organizes.
    pub fn outbox(&self) -> Option<String> {
        self.outbox.as_ref().map(|path| path.replace("{}", "bench"))
    }

    /// How many invitations the one with the fewest has in the inbox and in the calendar.
    pub fn delivered(&self, account: &Account) -> usize {
        let Some(inbox) = &self.inbox else { return 0 };
        let of = |number| {
            let name = name_of(number);
            let account = Account { patience: account.patience, ..sign_in(account.address, &name) };
            let members = |path: &str| {
                let body = r#"<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/></prop></propfind>"#;
                let call = Call::new("PROPFIND", path).header("Depth", "1");
                let call = call.body("application/xml; charset=utf-8", body);
                let answer = measure::once(&account, &call, &[207]).unwrap_or_default();
                memchr::memmem::find_iter(&answer, ".ics</").count()
            };
            let copies = members(&self.calendar(&name)).saturating_sub(COLLEAGUES_OBJECTS as usize);
            members(&inbox.replace("{}", &name)).min(copies)
        };
        (0..COLLEAGUES).map(of).min().unwrap_or_default()
    }

    /// Stores the generated objects, everybody's if the server schedules.
    pub fn store(&self, address: SocketAddr, objects: u64, seed: u64) {
        let mut calendars = vec![("bench".to_owned(), objects, Seed::of(seed, objects))];
        if self.outbox.is_some() {
            let colleague = |n| (name_of(n), COLLEAGUES_OBJECTS, server::colleagues(seed, n));
            calendars.extend((0..COLLEAGUES).map(colleague));
        }
        for (name, objects, seed) in calendars {
            let path = self.calendar(&name);
            let numbers = Cell::new(0);
            let next = || {
                let number = numbers.get();
                numbers.set(number + 1);
                let object = data::object(seed, number);
                let call = Call::new("PUT", format!("{path}{}", object.name));
                (number, call.body("text/calendar; charset=utf-8", object.text))
            };
            let length = Length {
                time: Duration::from_secs(1800),
                requests: Some(objects),
                ..Length::default()
            };
            let right = |_, _: &[u8], _| Ok(());
            let account = sign_in(address, &name);
            measure::drive(&account, 2, &[201, 204], length, &next, &right)
                .expect("every object is stored");
        }
    }
}

fn sign_in(address: SocketAddr, name: &str) -> Account {
    Account::new(address, name, PASSWORD)
}
