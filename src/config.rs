//! The configuration file: one TOML document, every key with a default and its unit in its name.
//!
//! Keys that are not known are errors. Paths are relative to the directory of the file. Each key
//! is described in `docs/configuration.md` and `docs/daybook.toml`; a test compares the three.

mod network;
mod sign_in;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::limits;

pub use network::Network;
pub use sign_in::{Ldap, Oidc};
pub use tls::Tls;

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Listening, limits of connections, reverse proxies.
    pub server: Server,
    /// Listening with TLS.
    pub tls: Tls,
    /// Where the calendars lie.
    pub data: Data,
    /// Who the users are.
    pub directory: Directory,
    /// How they sign in.
    pub auth: Auth,
    /// A directory where passwords are tried by a bind.
    pub ldap: Ldap,
    /// An OpenID provider whose bearer tokens are taken.
    pub oidc: Oidc,
    /// What everybody's home begins with.
    pub homes: Homes,
    /// Invitations and answers.
    pub scheduling: Scheduling,
    /// What of events others see.
    pub privacy: Privacy,
    /// Limits on what clients store and ask.
    pub limits: Limits,
    /// What is written to the log.
    pub log: Log,
    /// What is counted, and who may see it.
    pub metrics: Metrics,
}

/// `[server]`: listening, limits of connections, reverse proxies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Addresses with ports; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// URL under which clients should reach this server, where `/.well-known/caldav` sends them;
    /// empty: the way they came.
    pub public_url: String,
    /// Path of a Unix socket to listen on as well; empty: none.
    pub unix: PathBuf,
    /// Path prefix under which a reverse proxy shows this server; empty for none.
    pub prefix: String,
    /// Addresses, networks (`10.0.0.0/8`) or `unix` whose X-Forwarded-* fields are believed.
    pub trusted_proxies: Vec<String>,
    /// Connections at one time; further ones are answered 503 and closed.
    pub max_connections: usize,
    /// Time a client has for the head of its (next) request.
    pub header_timeout_seconds: u64,
    /// Time without any progress after which a body is given up, in either direction.
    pub stall_timeout_seconds: u64,
    /// Time that requests have to finish when the server is stopped.
    pub shutdown_timeout_seconds: u64,
    /// Whether XML and other text answers are compressed for clients that are not on this host.
    pub compression: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8008))],
            public_url: String::new(),
            unix: PathBuf::new(),
            prefix: String::new(),
            trusted_proxies: Vec::new(),
            max_connections: 1000,
            header_timeout_seconds: 30,
            stall_timeout_seconds: 60,
            shutdown_timeout_seconds: 20,
            compression: true,
        }
    }
}

/// `[data]`: where the calendars lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The data directory; made when it is missing.
    pub root: PathBuf,
    /// Whether a write is answered only when it has reached the disk. Without it a power failure
    /// may lose the last seconds: for trying things out.
    pub fsync: bool,
    /// Bytes of calendars and files one home may hold; 0: any.
    pub home_quota_bytes: u64,
    /// Bytes of memory that the indexes of open homes may take, about 450 for an event; homes that
    /// were not used for the longest are closed beyond it. 0: any.
    pub index_memory_bytes: u64,
    /// Bytes of memory for the texts of events as reports send them, which are kept compressed;
    /// others are read from their files. 0: none is kept.
    pub text_memory_bytes: u64,
    /// How often open homes are looked at for changes that others made to the files; 0: the system
    /// tells of them. Network file systems do not tell what other machines change; there it is
    /// every 20 seconds without this.
    pub poll_seconds: u64,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            root: PathBuf::from("daybook-data"),
            fsync: true,
            home_quota_bytes: 0,
            index_memory_bytes: 1 << 30,
            text_memory_bytes: limits::TEXT_MEMORY_BYTES,
            poll_seconds: 0,
        }
    }
}

/// `[directory]`: who the users are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Directory {
    /// The accounts file: TOML, or the XML of the reference system.
    pub file: PathBuf,
    /// Names of this server, with port where it is not the scheme's own: principal URLs that begin
    /// with them are calendar user addresses.
    pub hosts: Vec<String>,
}

impl Default for Directory {
    fn default() -> Self {
        Self { file: PathBuf::from("accounts.toml"), hosts: Vec::new() }
    }
}

/// `[auth]`: how they sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Whether HTTP Basic is offered.
    pub basic: bool,
    /// Whether HTTP Digest is offered: works only for accounts whose password or `digest` hash is
    /// in the accounts file.
    pub digest: bool,
    /// Header in which a proxy names the user it has signed in; empty: none.
    pub remote_user_header: String,
    /// Peers whose header is believed: addresses, networks, `unix`.
    pub remote_user_peers: Vec<String>,
    /// htpasswd file whose bcrypt hashes win over the accounts file; empty: none.
    pub htpasswd: PathBuf,
    /// Wrong passwords from one client address within the window before it must wait; 0: any.
    pub failures_per_address: u32,
    /// Wrong passwords for one name within the window before it must wait; 0: any.
    pub failures_per_name: u32,
    /// The window over which they count, and how long the wait is.
    pub failure_window_seconds: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            basic: true,
            digest: false,
            remote_user_header: String::new(),
            remote_user_peers: Vec::new(),
            htpasswd: PathBuf::new(),
            failures_per_address: 20,
            failures_per_name: 50,
            failure_window_seconds: 300,
        }
    }
}

/// `[homes]`: what everybody's home begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Homes {
    /// Whether a calendar takes one kind of component only, as some clients like it.
    pub one_kind_per_calendar: bool,
    /// Calendars that a new home begins with: name = the kinds of components it takes.
    pub calendars: BTreeMap<String, Vec<String>>,
}

impl Default for Homes {
    fn default() -> Self {
        let calendar = |name: &str, kind: &str| (name.to_owned(), vec![kind.to_owned()]);
        Self {
            one_kind_per_calendar: false,
            calendars: [calendar("calendar", "VEVENT"), calendar("tasks", "VTODO")].into(),
        }
    }
}

/// `[scheduling]`: invitations and answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduling {
    /// Mail domains whose addresses can only be ours.
    pub domains: Vec<String>,
    /// Whether stored objects name users of this server by `urn:x-uid:GUID`, with CN and EMAIL
    /// beside it; otherwise the addresses stay as the client wrote them.
    pub normalise_addresses: bool,
    /// What becomes of a changed attendee's copy whose organizer has no such event any more.
    pub orphans: Orphans,
    /// Whether locations and resources may organize events.
    pub resources_may_organize: bool,
    /// What becomes of an attendee's copy that is found damaged when a message comes for it.
    pub damaged_copies: DamagedCopies,
    /// Whether a user's default calendar may be deleted; the next one then takes its place.
    pub default_calendar_removable: bool,
    /// Whether who asks when a location or resource is busy may also see what for.
    pub resource_bookings_visible: bool,
    /// Whether SCHEDULE-AGENT=CLIENT is taken for SERVER where the attendee is one of ours.
    pub serve_local_client_agents: bool,
    /// Whether the members of invited groups are invited one by one.
    pub expand_groups: bool,
    /// Attendees up to which an answer is shown to the others at once.
    pub refresh_at_once: usize,
    /// Days that automatic answers look ahead.
    pub look_ahead_days: u32,
    /// What becomes of edits that others make to the files of scheduling objects.
    pub external_edits: ExternalEdits,
}

/// What becomes of edits past the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExternalEdits {
    /// The owner's clients see them; nothing is sent to others.
    #[default]
    Index,
    /// The same is sent as if the owner's client had made them.
    Schedule,
}

/// What becomes of orphaned copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Orphans {
    /// They are removed without a message.
    #[default]
    Remove,
    /// The change is refused.
    Refuse,
}

/// What becomes of damaged copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DamagedCopies {
    /// They are replaced by what the organizer's object says.
    #[default]
    Repair,
    /// The message is not delivered.
    Refuse,
}

impl Default for Scheduling {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            normalise_addresses: true,
            orphans: Orphans::Remove,
            resources_may_organize: false,
            damaged_copies: DamagedCopies::Repair,
            default_calendar_removable: false,
            resource_bookings_visible: false,
            serve_local_client_agents: false,
            expand_groups: true,
            refresh_at_once: 30,
            look_ahead_days: 365 * 3,
            external_edits: ExternalEdits::Index,
        }
    }
}

/// `[privacy]`: what of events others see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// Whether others see of events with CLASS:PRIVATE or CLASS:CONFIDENTIAL only when they are.
    pub class_counts: bool,
    /// Whether `/` is readable without signing in.
    pub anonymous_root: bool,
    /// Whether `/calendars/` and its collections by type are.
    pub anonymous_navigation: bool,
    /// Whether free-busy URLs are.
    pub anonymous_free_busy: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            class_counts: true,
            anonymous_root: true,
            anonymous_navigation: false,
            anonymous_free_busy: false,
        }
    }
}

/// `[limits]`: limits on what clients store and ask; further ones are fixed in `limits.rs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// `CALDAV:max-resource-size`.
    pub resource_bytes: usize,
    /// `CALDAV:max-attachment-size`.
    pub attachment_bytes: usize,
    /// Largest request body that is read at all for PUT and POST.
    pub body_bytes: usize,
    /// `CALDAV:max-attendees-per-instance`.
    pub attendees: usize,
    /// Instances an object may have in the year after its first one.
    pub instances: usize,
}

impl Limits {
    /// The largest attachment that can come in: no larger than any body.
    pub fn attachment(&self) -> usize {
        self.attachment_bytes.min(self.body_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resource_bytes: limits::RESOURCE_BYTES,
            attachment_bytes: limits::ATTACHMENT_BYTES,
            body_bytes: limits::REQUEST_BODY_BYTES,
            attendees: limits::ATTENDEES,
            instances: limits::INSTANCES_PER_YEAR,
        }
    }
}

/// `[log]`: what is written to the log (standard error).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or directives such as `info,daybook::http=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned() }
    }
}

/// `[metrics]`: what is counted, and who may see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Addresses on which `/metrics` is answered to everybody, for Prometheus; empty: nowhere.
    pub listen: Vec<SocketAddr>,
}

/// Why a configuration cannot be used, with the place in the file.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {reason}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, where the reason has one.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl Config {
    /// Reads and checks a configuration file.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError {
            file: file.to_owned(),
            line: None,
            reason: format!("cannot be read: {error}"),
        })?;
        let mut config = Self::parse(&text, file)?;
        let base = file.parent().unwrap_or(Path::new(""));
        if !config.server.unix.as_os_str().is_empty() {
            config.server.unix = base.join(&config.server.unix);
        }
        if config.tls.is_on() {
            config.tls.certificate = base.join(&config.tls.certificate);
            config.tls.key = base.join(&config.tls.key);
        }
        config.data.root = base.join(&config.data.root);
        config.directory.file = base.join(&config.directory.file);
        sign_in::join(base, &mut config.auth.htpasswd);
        config.ldap.resolve(base);
        config.oidc.resolve(base);
        Ok(config)
    }

    /// Reads and checks the text of a configuration file; paths stay as they are written.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError {
            file: file.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            reason: error.message().trim().to_owned(),
        })?;
        config.check().map_err(|(key, reason)| ConfigError {
            file: file.to_owned(),
            line: key_line(text, key),
            reason: format!("{key}: {reason}"),
        })?;
        Ok(config)
    }

    /// What types cannot say; names the key at fault.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let server = &self.server;
        let prefix = &server.prefix;
        if !prefix.is_empty() && (!prefix.starts_with('/') || prefix.ends_with('/')) {
            return Err(("prefix", "must begin with / and not end with it".to_owned()));
        }
        if ["/calendars", "/principals"].iter().any(|own| prefix == own) {
            return Err(("prefix", "is a path of the server itself".to_owned()));
        }
        self.tls.check()?;
        let known = |scheme: &&str| server.public_url.starts_with(*scheme);
        if !server.public_url.is_empty() && !["http://", "https://"].iter().any(known) {
            return Err(("public_url", "is not a URL of http or https".to_owned()));
        }
        for proxy in &server.trusted_proxies {
            Network::parse(proxy).map_err(|e| ("trusted_proxies", e))?;
        }
        for peer in &self.auth.remote_user_peers {
            Network::parse(peer).map_err(|e| ("remote_user_peers", e))?;
        }
        self.ldap.check()?;
        self.oidc.check()?;
        for (key, value) in [
            ("max_connections", server.max_connections),
            ("resource_bytes", self.limits.resource_bytes),
            ("attendees", self.limits.attendees),
            ("instances", self.limits.instances),
        ] {
            if value == 0 {
                return Err((key, "must be at least 1".to_owned()));
            }
        }
        if self.limits.body_bytes < self.limits.resource_bytes {
            return Err(("body_bytes", "is smaller than resource_bytes".to_owned()));
        }
        Ok(())
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// The line that sets `key`; keys are unique over all sections where this is used.
fn key_line(text: &str, key: &str) -> Option<usize> {
    let sets = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    text.lines().position(sets).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Config;

    #[test]
    fn says_file_line_and_reason() {
        for (text, expected) in [
            ("[server]\nlisten = 5\n", "c.toml:2: "),
            ("[server]\n\nmax_conections = 5\n", "c.toml:3: unknown field `max_conections`"),
            ("[server]\nprefix = \"x\"\n", "c.toml:2: prefix: must begin with /"),
            ("[server]\nprefix = \"/calendars\"\n", "c.toml:2: prefix: is a path"),
            ("[server]\npublic_url = \"x\"\n", "c.toml:2: public_url: is not"),
            ("[server]\ntrusted_proxies = [\"x\"]\n", "c.toml:2: trusted_proxies: "),
            ("[limits]\n\nbody_bytes = 5\n", "c.toml:3: body_bytes: is smaller"),
            ("[limits\n", "c.toml:1: "),
            ("[ldap]\nurl = \"http://x\"\n", "c.toml:2: url: begins"),
            ("[ldap]\nurl = \"ldap://x\"\nbind_dn = \"\"\n", "c.toml:3: bind_dn: set either"),
            ("[ldap]\nurl = \"ldap://x\"\nbind_dn = \"x\"\n", "c.toml:3: bind_dn: has no {name}"),
            ("[oidc]\nissuer = \"http://x/\"\n", "c.toml:2: issuer: begins with https"),
            ("[oidc]\nissuer = \"https://x/\"\naudience = \"\"\n", "c.toml:3: audience: is"),
        ] {
            let error = Config::parse(text, Path::new("c.toml")).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn nothing_written_means_defaults() {
        assert_eq!(Config::parse("", Path::new("c.toml")).unwrap(), Config::default());
    }
}
