//! The order in which credentials are looked at, and what is answered when they do not hold:
//! always 401 with every challenge the server offers, whatever was wrong.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::actor::Actor;
use super::basic::{self, Credentials};
use super::cache::Cache;
use super::password;
use super::throttle::{Limits, Throttle};
use crate::clock::Clock;
use crate::dav::{Error, Request};
use crate::principal::{Directory, Principals, RecordType};

/// The header by which a sudo user says whose rights to use.
const AUTHORIZE_AS: &str = "x-authorize-as";

/// What an administrator chooses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether Basic is offered.
    pub basic: bool,
    /// Brakes on guessing.
    pub throttle: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { basic: true, throttle: Limits::default() }
    }
}

/// From requests to actors.
#[derive(Debug)]
pub struct Authenticator {
    options: Options,
    principals: Arc<Principals>,
    clock: Clock,
    cache: Cache,
    throttle: Throttle,
}

impl Authenticator {
    /// An authenticator for the people of a directory.
    pub fn new(options: Options, principals: Arc<Principals>, clock: Clock) -> Self {
        let throttle = Throttle::new(options.throttle);
        Self { options, principals, clock, cache: Cache::default(), throttle }
    }

    /// Whether `authenticate` would have to hash a password: then it belongs on a thread that may
    /// block. Costs next to nothing.
    pub fn is_slow(&self, request: &Request) -> bool {
        let Some(credentials) = self.basic_of(request) else { return false };
        let directory = self.principals.current();
        let now = self.clock.now();
        match directory.by_login(&credentials.name) {
            Some(record) => {
                !self.cache.knows(self.cache.pair(&record.secret, &credentials.password), now)
            }
            None => true,
        }
    }

    /// Who makes the request; 401 with challenges when credentials are there and do not hold.
    pub fn authenticate(&self, request: &Request) -> Result<Actor, Error> {
        let directory = self.principals.current();
        let mut headers = request.headers.get_all("authorization").iter();
        let Some(header) = headers.next() else {
            return match request.headers.contains_key(AUTHORIZE_AS) {
                true => Err(self.challenge()),
                false => Ok(Actor::Anonymous),
            };
        };
        if headers.next().is_some() {
            return Err(Error::bad_request("more than one Authorization header"));
        }
        let header = header.to_str().unwrap_or_default().trim();
        let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
        if self.options.basic && scheme.eq_ignore_ascii_case("basic") {
            let credentials = basic::parse(token).ok_or_else(|| self.challenge())?;
            let name = self.check_password(&directory, &credentials, request.origin.client)?;
            return self.authorize(&directory, request, name);
        }
        Err(self.challenge())
    }

    /// 401 with every challenge on offer: also the answer to an anonymous request that is not
    /// allowed.
    pub fn challenge(&self) -> Error {
        let directory = self.principals.current();
        let mut error = Error::status(401);
        if self.options.basic {
            error = error.with_header("www-authenticate", basic::challenge(directory.realm()));
        }
        error
    }

    fn basic_of(&self, request: &Request) -> Option<Credentials> {
        let header = request.header("authorization")?.trim();
        let (scheme, token) = header.split_once(' ')?;
        let wanted = self.options.basic && scheme.eq_ignore_ascii_case("basic");
        wanted.then(|| basic::parse(token)).flatten()
    }

    /// Checks a name and a password; gives back who signed in.
    fn check_password(
        &self,
        directory: &Directory,
        credentials: &Credentials,
        client: Option<IpAddr>,
    ) -> Result<Login, Error> {
        let now = self.clock.now();
        let Credentials { name, password } = credentials;
        let (login, secret) = match directory.sudoer(name) {
            Some(sudoer) => (Some(Login::Sudo(name.clone())), Some(sudoer.secret.clone())),
            None => match directory.by_login(name) {
                Some(record) => {
                    (Some(Login::User(record.guid.clone())), Some(record.secret.clone()))
                }
                None => (None, None),
            },
        };
        let pair = secret.as_ref().map(|secret| self.cache.pair(secret, password));
        if let (Some(pair), Some(login)) = (pair, &login)
            && self.cache.knows(pair, now)
        {
            return Ok(login.clone());
        }
        self.wait_if_guessing(client, name, now)?;
        let right = match (&secret, pair) {
            (Some(secret), Some(pair)) => {
                self.cache.check(pair, now, || password::verify(secret, password))
            }
            _ => {
                let usual = directory.all().find_map(|record| record.secret.hash.as_deref());
                password::waste_time(usual, password);
                false
            }
        };
        match login {
            Some(login) if right => {
                self.throttle.succeeded(client);
                Ok(login)
            }
            _ => {
                self.throttle.failed(client, name, now);
                Err(self.challenge())
            }
        }
    }

    fn wait_if_guessing(
        &self,
        client: Option<IpAddr>,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        match self.throttle.wait_s(client, name, now) {
            None => Ok(()),
            Some(seconds) => Err(Error::status(429)
                .because("too many failed sign-ins")
                .with_header("retry-after", seconds.to_string())),
        }
    }

    /// Whose rights count: the user's own, or those that a sudo user asks for.
    fn authorize(
        &self,
        directory: &Directory,
        request: &Request,
        login: Login,
    ) -> Result<Actor, Error> {
        let target = request.header(AUTHORIZE_AS);
        match (login, target) {
            (Login::User(guid), None) => match directory.by_guid(&guid) {
                Some(record) => Ok(Actor::user(Arc::clone(record))),
                None => Err(self.challenge()),
            },
            (Login::User(_), Some(_)) => {
                Err(Error::status(403).because("only sudo users may act as somebody else"))
            }
            (Login::Sudo(_), None) => {
                Err(Error::bad_request("a sudo user has to say X-Authorize-As"))
            }
            (Login::Sudo(_), Some(target)) if directory.sudoer(target).is_some() => {
                Err(Error::status(403).because("nobody may act as a sudo user"))
            }
            (Login::Sudo(sudo), Some(target)) => {
                match directory.by_name(RecordType::User, target) {
                    Some(record) => {
                        Ok(Actor::User { record: Arc::clone(record), sudo: Some(sudo) })
                    }
                    None => Err(Error::status(403).because("there is no such user")),
                }
            }
        }
    }
}

/// Who signed in.
#[derive(Clone, Debug)]
enum Login {
    /// A user, by GUID.
    User(String),
    /// A name that may act as anybody.
    Sudo(String),
}

#[cfg(test)]
mod tests;
