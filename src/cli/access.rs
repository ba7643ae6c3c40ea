//! `daybook access explain`: which ACE decides what somebody may do. Reads files only, so it runs
//! beside a server.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use daybook::acl::privilege::{parts, supported_privileges};
use daybook::acl::{
    Ace, ActorView, Link, Policy, PrincipalKey, Privilege, ResourceView, Withheld, effective,
    evaluate, text,
};
use daybook::clock::Clock;
use daybook::config::{Config, Homes};
use daybook::dav::{DavPath, Name, ResourceKind};
use daybook::disk::{attribute, layout};
use daybook::index::ObjectKind;
use daybook::principal::{Directory, Principals};
use daybook::resource::access;
use daybook::resource::locate::{Key, Location, locate};
use daybook::resource::{FREEBUSY, INBOX, NOTIFICATION, OUTBOX};
use serde_json::json;

use super::principals::find;
use super::{ConfigFile, FAILED, Failure, WRONG, say};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print for each privilege whether USER has it on PATH, and which ACE says so.
    Explain {
        /// Name, GUID or type:name; "-" for somebody who did not sign in.
        user: String,
        /// Path of the URL, as /calendars/users/alice/calendar/.
        path: String,
        /// As JSON, one line for each privilege.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Action::Explain { user, path, json } = &arguments.action;
    let config = arguments.file.load()?;
    let accounts = &config.directory;
    let (file, root) = (&accounts.file, &config.data.root);
    let principals = Principals::open(file, root, &accounts.hosts, Clock::system())?;
    let directory = principals.current();
    let actor = match user.as_str() {
        "-" => ActorView::anonymous(),
        name => ActorView::of(&directory, &find(&directory, name)?.guid),
    };
    let path = DavPath::parse(path).map_err(|error| Failure::new(WRONG, error))?;
    let policy = access::policy(&directory, &config.privacy);
    let place = place(&directory, &config, &path, &policy)?;
    let kind = place.chain.last().map_or(ResourceKind::Root, |link| link.kind);
    let aces = effective(&place.chain, place.owner.as_deref(), &policy);
    let view = ResourceView { owner: place.owner.as_deref(), principal: place.principal.as_ref() };
    let has = daybook::acl::granted(kind, &aces, view, &actor);
    if !json {
        say(format_args!("{user} on {path} ({kind:?})"));
    }
    for privilege in supported_privileges(kind) {
        let granted = evaluate::missing(kind, has, &[privilege]).is_empty();
        let lacking: Vec<Privilege> = parts(privilege, kind)
            .into_iter()
            .filter(|part| !evaluate::missing(kind, has, &[*part]).is_empty())
            .collect();
        let ace = evaluate::deciding(kind, &aces, view, &actor, privilege);
        explain(*json, Verdict { privilege, granted, lacking, ace, kind });
    }
    Ok(())
}

/// What is said about one privilege.
struct Verdict<'a> {
    privilege: Privilege,
    granted: bool,
    /// The parts of an aggregate that are missing.
    lacking: Vec<Privilege>,
    ace: Option<&'a Ace>,
    kind: ResourceKind,
}

fn explain(json: bool, verdict: Verdict<'_>) {
    let Verdict { privilege, granted, lacking, ace, kind } = verdict;
    let name = privilege.name();
    let lacking: Vec<String> = lacking.iter().map(|part| part.name().local.to_string()).collect();
    let text = ace.map(|ace| text::shown(std::slice::from_ref(ace), "").to_xml());
    if json {
        return say(json!({
            "privilege": name.to_string(),
            "granted": granted,
            "lacks": lacking,
            "ace": text,
            "inherited": ace.and_then(|ace| ace.inherited.as_ref()).map(DavPath::href),
        }));
    }
    let verdict = if granted { "yes" } else { "no " };
    let why = match (text, evaluate::is_sum(privilege, kind)) {
        _ if !lacking.is_empty() => format!("lacks {}", lacking.join(", ")),
        (_, true) => "has all its parts".to_owned(),
        (Some(ace), false) => ace,
        (None, false) => "no ACE speaks about it".to_owned(),
    };
    say(format_args!("{verdict} {}\t{why}", name.local));
}

/// What a path leads to: the chain of ACLs, and whom `owner` and `self` mean there.
struct Place {
    chain: Vec<Link>,
    owner: Option<String>,
    principal: Option<PrincipalKey>,
}

fn place(
    directory: &Directory,
    config: &Config,
    path: &DavPath,
    policy: &Policy,
) -> Result<Place, Failure> {
    let nothing = || Failure::new(FAILED, format!("{path} leads to nothing"));
    let record = |key: Key<'_>| match key {
        Key::Guid(guid) => directory.by_guid(guid),
        Key::Name(kind, name) => directory.by_segments(kind, name),
    };
    let alone = |kind| {
        let link = Link { kind, path: path.clone(), stored: None, withheld: Withheld::Nothing };
        Place { chain: vec![link], owner: None, principal: None }
    };
    Ok(match locate(path.segments()) {
        Location::Root => alone(ResourceKind::Root),
        Location::WellKnown(_) => alone(ResourceKind::WellKnown),
        Location::Control => alone(ResourceKind::Control),
        Location::Timezones => alone(ResourceKind::Timezones),
        Location::TimezoneStd(_) => alone(ResourceKind::TimezoneStd),
        Location::PrincipalsRoot => alone(ResourceKind::PrincipalsRoot),
        Location::PrincipalUids => alone(ResourceKind::PrincipalUids),
        Location::PrincipalType(_) => alone(ResourceKind::PrincipalType),
        Location::CalendarsRoot => alone(ResourceKind::CalendarsRoot),
        Location::CalendarsUids => alone(ResourceKind::CalendarsUids),
        Location::CalendarsType(_) => alone(ResourceKind::CalendarsType),
        Location::Principal(key, below) => {
            let guid = record(key).ok_or_else(nothing)?.guid.clone();
            let canonical = DavPath::from_segments(["principals", "__uids__", &guid], true);
            let path = below.iter().fold(canonical, |path, name| path.join(name, true));
            let key = PrincipalKey::from_path(&path).ok_or_else(nothing)?;
            let kind = match key.proxy {
                Some(_) => ResourceKind::ProxyPrincipal,
                None => ResourceKind::Principal,
            };
            Place { owner: Some(guid), principal: Some(key), ..alone(kind) }
        }
        Location::Home(key, below) => {
            let guid = record(key).ok_or_else(nothing)?.guid.clone();
            let shard = layout::home_shard(&guid).ok_or_else(nothing)?;
            let home = config.data.root.join("calendars/__uids__").join(shard);
            let chain = match home.is_dir() {
                true => chain(&guid, &home, below, policy)?,
                false => unmade(&guid, below, &config.homes),
            };
            Place { chain, owner: Some(guid), principal: None }
        }
        Location::Nowhere => return Err(nothing()),
    })
}

/// The links in a home that nobody has asked for yet, as they will be once it is made.
fn unmade(guid: &str, below: &[String], homes: &Homes) -> Vec<Link> {
    let mut path = DavPath::from_segments(["calendars", "__uids__", guid], true);
    let mut kind = ResourceKind::Home;
    let link = |kind, path: &DavPath| Link {
        kind,
        path: path.clone(),
        stored: None,
        withheld: Withheld::Nothing,
    };
    let mut links = vec![link(kind, &path)];
    for (level, name) in below.iter().enumerate() {
        kind = match kind_by_name(name).filter(|_| level == 0) {
            Some(kind) => kind,
            None if level == 0 && homes.calendars.contains_key(name) => ResourceKind::Calendar,
            None => member_of(kind),
        };
        path = path.join(name, kind.is_collection());
        links.push(link(kind, &path));
    }
    links
}

/// The links from a home on disk down to a resource in it.
fn chain(guid: &str, home: &Path, below: &[String], policy: &Policy) -> Result<Vec<Link>, Failure> {
    let mut path = DavPath::from_segments(["calendars", "__uids__", guid], true);
    let mut file: PathBuf = home.to_owned();
    let stored = stored(home)?;
    let none = Withheld::Nothing;
    let mut links =
        vec![Link { kind: ResourceKind::Home, path: path.clone(), stored, withheld: none }];
    for (level, name) in below.iter().enumerate() {
        file.push(layout::file_name(name).map_err(|error| Failure::new(WRONG, error))?);
        let above = links.last().map_or(ResourceKind::Home, |link| link.kind);
        let kind = kind_of(&file, name, level == 0, above);
        path = path.join(name, kind.is_collection());
        let stored = stored_if_there(&file)?;
        let withheld = withheld(kind, &file, policy)?;
        links.push(Link { kind, path: path.clone(), stored, withheld });
    }
    Ok(links)
}

fn kind_of(file: &Path, name: &str, top: bool, above: ResourceKind) -> ResourceKind {
    if let Some(kind) = kind_by_name(name).filter(|_| top) {
        return kind;
    }
    if file.is_dir() {
        let is_object = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "ics"))
        };
        let says = property(file, &Name::dav("resourcetype"));
        let calendar = says.ok().flatten().is_some_and(|xml| xml.contains("calendar"))
            || std::fs::read_dir(file).is_ok_and(|mut entries| entries.any(is_object));
        return if calendar { ResourceKind::Calendar } else { ResourceKind::Collection };
    }
    member_of(above)
}

/// The members of a home that their names say everything about.
fn kind_by_name(name: &str) -> Option<ResourceKind> {
    match name {
        INBOX => Some(ResourceKind::Inbox),
        OUTBOX => Some(ResourceKind::Outbox),
        FREEBUSY => Some(ResourceKind::FreeBusyUrl),
        NOTIFICATION => Some(ResourceKind::Notifications),
        _ => None,
    }
}

/// What is no collection, by where it is.
fn member_of(above: ResourceKind) -> ResourceKind {
    match above {
        ResourceKind::Inbox => ResourceKind::InboxItem,
        ResourceKind::Calendar => ResourceKind::CalendarObject,
        _ => ResourceKind::PlainFile,
    }
}

fn stored_if_there(file: &Path) -> Result<Option<Vec<Ace>>, Failure> {
    if file.exists() { stored(file) } else { Ok(None) }
}

fn stored(file: &Path) -> Result<Option<Vec<Ace>>, Failure> {
    let Some(xml) = property(file, &Name::dav("acl"))? else { return Ok(None) };
    let element = daybook::xml::parse(xml.as_bytes());
    Ok(Some(element.map(|element| text::read_stored(&element)).unwrap_or_default()))
}

/// What a calendar object keeps from others.
fn withheld(kind: ResourceKind, file: &Path, policy: &Policy) -> Result<Withheld, Failure> {
    if !matches!(kind, ResourceKind::CalendarObject | ResourceKind::InboxItem) || !file.exists() {
        return Ok(Withheld::Nothing);
    }
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::new(FAILED, format!("{}: {error}", file.display())))?;
    Ok(match daybook::index::summary::of_bytes(&bytes) {
        ObjectKind::Calendar(summary) => access::withheld(summary.access(), policy),
        _ => Withheld::Everything,
    })
}

fn property(file: &Path, name: &Name) -> Result<Option<String>, Failure> {
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::new(FAILED, format!("{}: {error}", file.display()))
    };
    if !file.exists() {
        return Ok(None);
    }
    let open = File::open(file).map_err(|error| cannot(&error))?;
    let all = attribute::read_all(&open, file).map_err(|error| cannot(&error))?;
    Ok(all.into_iter().find(|(found, _)| found == name).map(|(_, xml)| xml))
}
