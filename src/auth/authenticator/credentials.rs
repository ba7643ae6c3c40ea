//! Whether what somebody shows is right: a Digest response, a name and a password, a bearer token.
//! Every way counts failures, and takes as long for a name that nobody has.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::super::basic::Credentials;
use super::super::digest::{self, Outcome};
use super::super::others::Denial;
use super::super::password;
use super::{Authenticator, Candidate, Login};
use crate::dav::{DavPath, Error, Request};
use crate::principal::Directory;

impl Authenticator {
    /// Checks a Digest response.
    pub(super) fn check_digest(
        &self,
        directory: &Directory,
        token: &str,
        request: &Request,
    ) -> Result<Login, Error> {
        let credentials = digest::parse(token).ok_or_else(|| self.challenge(request))?;
        let (client, now) = (request.origin.client, self.clock.now());
        if !is_target(&credentials.uri, request) {
            return Err(Error::bad_request("the Digest uri is not the request's"));
        }
        self.wait_if_guessing(client, &credentials.name, now)?;
        let candidate = self.candidate(directory, &credentials.name);
        let method = request.method.as_str();
        let (realm, secret) = (directory.realm(), &candidate.secret);
        match self.nonces.judge(&credentials, method, realm, secret, client, now) {
            Outcome::Right if candidate.known => Ok(candidate.login),
            Outcome::Stale if candidate.known => Err(self.challenge_again(request, true)),
            _ => {
                self.throttle.failed(client, &credentials.name, now);
                Err(self.challenge(request))
            }
        }
    }

    /// Checks a name and a password; gives back who signed in.
    pub(super) fn check_password(
        &self,
        directory: &Directory,
        credentials: &Credentials,
        request: &Request,
    ) -> Result<Login, Error> {
        let (client, now) = (request.origin.client, self.clock.now());
        let Credentials { name, password } = credentials;
        let candidate = self.candidate(directory, name);
        let pair = self.cache.pair(&candidate.secret, password, candidate.known);
        if candidate.known && self.cache.knows(pair, now) {
            self.remember(directory, request, &candidate.login);
            return Ok(candidate.login);
        }
        if let Some(guid) = self.others.know_password(name, password, now) {
            return Ok(Login::User(guid));
        }
        self.wait_if_guessing(client, name, now)?;
        if let Some(answer) = self.ask_others(&candidate, credentials, now) {
            return self.judged(answer, client, name, request);
        }
        let Candidate { login, secret, known } = candidate;
        let right = self.is_app_password(&login, password, now)
            || self.cache.check(pair, now, || password::verify(&secret, password) && known);
        // Every step was the same so far, and a name that nobody has is refused whatever was right.
        if right && known {
            self.throttle.succeeded(client);
            return Ok(login);
        }
        self.throttle.failed(client, name, now);
        Err(self.challenge(request))
    }

    /// What the LDAP server says; accounts with a password of their own are never asked for there.
    fn ask_others(
        &self,
        candidate: &Candidate,
        credentials: &Credentials,
        now: DateTime<Utc>,
    ) -> Option<Result<String, Denial>> {
        let Credentials { name, password } = credentials;
        let has_none = !candidate.known || candidate.secret.is_empty();
        if !(self.others.take_passwords() && has_none) {
            return None;
        }
        if let login @ Login::User(guid) = &candidate.login
            && self.is_app_password(login, password, now)
        {
            return Some(Ok(guid.clone()));
        }
        Some(self.others.check_password(name, password, now))
    }

    /// Checks a bearer token; gives back who signed in.
    pub(super) fn check_token(&self, token: &str, request: &Request) -> Result<Login, Error> {
        let (client, now) = (request.origin.client, self.clock.now());
        if let Some(guid) = self.others.know_token(token, now) {
            return Ok(Login::User(guid));
        }
        self.wait_if_guessing(client, "", now)?;
        self.judged(self.others.check_token(token, now), client, "", request)
    }

    /// Counts what another directory said.
    fn judged(
        &self,
        answer: Result<String, Denial>,
        client: Option<IpAddr>,
        name: &str,
        request: &Request,
    ) -> Result<Login, Error> {
        match answer {
            Ok(guid) => {
                self.throttle.succeeded(client);
                Ok(Login::User(guid))
            }
            Err(Denial::Unavailable) => Err(Error::status(503)
                .because("who you are cannot be found out at the moment")
                .with_header("retry-after", "30")),
            Err(denial) => {
                if denial == Denial::Wrong {
                    self.throttle.failed(client, name, self.clock.now());
                }
                Err(self.challenge(request))
            }
        }
    }

    fn is_app_password(&self, login: &Login, password: &str, now: DateTime<Utc>) -> bool {
        match (login, &self.app_passwords) {
            (Login::User(guid), Some(passwords)) => passwords.verify(guid, password, now),
            _ => false,
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
}

/// Whether a Digest `uri` names the resource of the request. Spelling may differ: proxies rewrite.
fn is_target(uri: &str, request: &Request) -> bool {
    let rest = match uri.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => uri,
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let own = path.strip_prefix(request.origin.prefix.as_str()).unwrap_or(path);
    let own = if own.is_empty() { "/" } else { own };
    query == request.query.as_deref() && DavPath::parse(own).is_ok_and(|path| path == request.path)
}
