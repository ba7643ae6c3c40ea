//! The order in which credentials are looked at, and what is answered when they do not hold:
//! always 401 with every challenge the server offers, whatever was wrong.

mod credentials;

use std::sync::Arc;

use super::actor::Actor;
use super::app_password::AppPasswords;
use super::basic::{self, Credentials};
use super::cache::Cache;
use super::digest::Nonces;
use super::htpasswd::Htpasswd;
use super::options::Options;
use super::others::Others;
use super::throttle::Throttle;
use crate::clock::Clock;
use crate::dav::{Error, Request};
use crate::principal::{Directory, Principals, Record, RecordType, Secret};

/// The header by which a sudo user says whose rights to use.
const AUTHORIZE_AS: &str = "x-authorize-as";

/// From requests to actors.
#[derive(Debug)]
pub struct Authenticator {
    options: Options,
    principals: Arc<Principals>,
    clock: Clock,
    cache: Cache,
    throttle: Throttle,
    nonces: Nonces,
    htpasswd: Option<Htpasswd>,
    app_passwords: Option<AppPasswords>,
    others: Others,
}

impl Authenticator {
    /// An authenticator for the people of a directory.
    pub fn new(options: Options, principals: Arc<Principals>, clock: Clock) -> Self {
        let throttle = Throttle::new(options.throttle);
        Self {
            cache: Cache::default(),
            throttle,
            nonces: Nonces::default(),
            htpasswd: options.htpasswd.clone().map(Htpasswd::new),
            app_passwords: options.app_passwords.clone().map(AppPasswords::new),
            others: Others::new(&options, Arc::clone(&principals)),
            options,
            principals,
            clock,
        }
    }

    /// Whether `authenticate` would have to hash a password or ask another server: then it belongs
    /// on a thread that may block. Costs next to nothing.
    pub fn is_slow(&self, request: &Request) -> bool {
        let now = self.clock.now();
        if let Some(token) = self.bearer_of(request) {
            return self.others.know_token(token, now).is_none();
        }
        let directory = self.principals.current();
        if self.remembered(&directory, request).is_some() {
            return false;
        }
        let Some(credentials) = self.basic_of(request) else { return false };
        if self.others.know_password(&credentials.name, &credentials.password, now).is_some() {
            return false;
        }
        let candidate = self.candidate(&directory, &credentials.name);
        let Candidate { secret, known, .. } = &candidate;
        !self.cache.knows(self.cache.pair(secret, &credentials.password, *known), now)
    }

    /// Who makes the request; 401 with challenges when credentials are there and do not hold.
    pub fn authenticate(&self, request: &Request) -> Result<Actor, Error> {
        let directory = self.principals.current();
        if let Some(login) = self.remote_user(&directory, request)? {
            return self.authorize(&directory, request, login);
        }
        let mut headers = request.headers.get_all("authorization").iter();
        let Some(header) = headers.next() else {
            return match request.headers.contains_key(AUTHORIZE_AS) {
                true => Err(self.challenge(request)),
                false => Ok(Actor::Anonymous),
            };
        };
        if headers.next().is_some() {
            return Err(Error::bad_request("more than one Authorization header"));
        }
        if let Some(record) = self.remembered(&directory, request) {
            return self.authorize(&directory, request, Login::User(record.guid.clone()));
        }
        let header = header.to_str().unwrap_or_default().trim();
        let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
        let login = if self.options.basic && scheme.eq_ignore_ascii_case("basic") {
            let credentials = basic::parse(token).ok_or_else(|| self.challenge(request))?;
            self.check_password(&directory, &credentials, request)?
        } else if self.options.digest && scheme.eq_ignore_ascii_case("digest") {
            self.check_digest(&directory, token, request)?
        } else if let Some(token) = self.bearer_of(request) {
            self.check_token(token, request)?
        } else {
            return Err(self.challenge(request));
        };
        // Signing in may have made the user.
        self.authorize(&self.principals.current(), request, login)
    }

    /// 401 with every challenge on offer: also the answer to an anonymous request that is not
    /// allowed.
    pub fn challenge(&self, request: &Request) -> Error {
        self.challenge_again(request, false)
    }

    fn challenge_again(&self, request: &Request, stale: bool) -> Error {
        let directory = self.principals.current();
        let mut error = Error::status(401);
        if self.options.digest {
            let (client, now) = (request.origin.client, self.clock.now());
            for challenge in self.nonces.challenges(directory.realm(), client, stale, now) {
                error = error.with_header("www-authenticate", challenge);
            }
        }
        if self.options.basic && !stale {
            error = error.with_header("www-authenticate", basic::challenge(directory.realm()));
        }
        if self.others.take_tokens() && !stale {
            let challenge = format!("Bearer realm=\"{}\"", directory.realm());
            error = error.with_header("www-authenticate", challenge);
        }
        error
    }

    /// The app passwords, for the tools.
    pub fn app_passwords(&self) -> Option<&AppPasswords> {
        self.app_passwords.as_ref()
    }

    /// Whom a trusted proxy names. Anybody else's header says nothing.
    fn remote_user(
        &self,
        directory: &Directory,
        request: &Request,
    ) -> Result<Option<Login>, Error> {
        let Some(remote) = &self.options.remote_user else { return Ok(None) };
        let Some(value) = request.headers.get(remote.header.as_str()) else { return Ok(None) };
        if !remote.peers.iter().any(|network| network.contains(request.origin.peer)) {
            tracing::warn!(peer = ?request.origin.peer, "{} from a stranger", remote.header);
            return Ok(None);
        }
        let name = value.to_str().unwrap_or_default();
        match self.find(directory, name) {
            Some((login, _)) => Ok(Some(login)),
            None => Err(Error::status(403).because("there is no such user")),
        }
    }

    /// The one who signs in with this name, and the secret that proves it.
    fn find(&self, directory: &Directory, name: &str) -> Option<(Login, Secret)> {
        if let Some(sudoer) = directory.sudoer(name) {
            return Some((Login::Sudo(name.to_owned()), sudoer.secret.clone()));
        }
        let record = directory.by_login(name)?;
        Some((Login::User(record.guid.clone()), self.secret_of(record)))
    }

    /// Who has signed in with the very same header within the minute, by a password of the accounts
    /// file.
    fn remembered(&self, directory: &Directory, request: &Request) -> Option<Arc<Record>> {
        self.cache.whose(request.header("authorization")?, directory, self.clock.now())
    }

    /// Not where a file that may change any time has the last word on passwords.
    fn remember(&self, directory: &Directory, request: &Request, login: &Login) {
        let Login::User(guid) = login else { return };
        let record = directory.by_guid(guid).filter(|_| self.htpasswd.is_none());
        if let (Some(record), Some(header)) = (record, request.header("authorization")) {
            self.cache.remember_header(header, record, self.clock.now());
        }
    }

    /// The same for any name: what a name costs that nobody has, somebody's would.
    fn candidate(&self, directory: &Directory, name: &str) -> Candidate {
        if let Some((login, secret)) = self.find(directory, name) {
            return Candidate { login, secret, known: true };
        }
        let secret = directory.decoy(name).map(|record| self.secret_of(record));
        let login = Login::User(String::new());
        Candidate { login, secret: secret.unwrap_or_default(), known: false }
    }

    /// The secret that proves a record: the htpasswd file's before the accounts file's.
    fn secret_of(&self, record: &Record) -> Secret {
        let listed = self.htpasswd.as_ref().and_then(|file| file.secret(&record.short_names));
        listed.unwrap_or_else(|| record.secret.clone())
    }

    fn basic_of(&self, request: &Request) -> Option<Credentials> {
        let header = request.header("authorization")?.trim();
        let (scheme, token) = header.split_once(' ')?;
        let wanted = self.options.basic && scheme.eq_ignore_ascii_case("basic");
        wanted.then(|| basic::parse(token)).flatten()
    }

    /// The token of a Bearer header, if they are taken (RFC 6750 §2.1).
    fn bearer_of<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let (scheme, token) = request.header("authorization")?.trim().split_once(' ')?;
        let wanted = self.others.take_tokens() && scheme.eq_ignore_ascii_case("bearer");
        wanted.then(|| token.trim())
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
                None => Err(self.challenge(request)),
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

/// Whom a name and a password are tried as.
struct Candidate {
    login: Login,
    secret: Secret,
    /// Whether the name is theirs. Otherwise the secret is somebody's, and proves nothing.
    known: bool,
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
