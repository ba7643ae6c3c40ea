//! `daybook access explain`: which ACE decides what somebody may do. Reads files only, so it runs
//! beside a server.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use daybook::acl::privilege::supported_privileges;
use daybook::acl::{
    Ace, ActorView, Link, Policy, PrincipalKey, Privilege, ResourceView, Withheld, effective,
    evaluate, text,
};
use daybook::clock::Clock;
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
    let (file, root, hosts) = (&config.directory.file, &config.data.root, &config.directory.hosts);
    let principals = Principals::open(file, root, hosts, Clock::system())?;
    let directory = principals.current();
    let actor = match user.as_str() {
        "-" => ActorView::anonymous(),
        name => ActorView::of(&directory, &find(&directory, name)?.guid),
    };
    let path = DavPath::parse(path).map_err(|error| Failure::new(WRONG, error))?;
    let policy = Policy::of(&directory).with_class(config.privacy.class_counts);
    let place = place(&directory, root, &path, &policy)?;
    let kind = place.chain.last().map_or(ResourceKind::Root, |link| link.kind);
    let aces = effective(&place.chain, place.owner.as_deref(), &policy);
    let view = ResourceView { owner: place.owner.as_deref(), principal: place.principal.as_ref() };
    let has = daybook::acl::granted(kind, &aces, view, &actor);
    if !json {
        say(format_args!("{user} on {path} ({kind:?})"));
    }
    for privilege in supported_privileges(kind) {
        let granted = evaluate::missing(kind, has, &[privilege]).is_empty();
        let ace = evaluate::deciding(kind, &aces, view, &actor, privilege);
        explain(*json, privilege, granted, ace);
    }
    Ok(())
}

fn explain(json: bool, privilege: Privilege, granted: bool, ace: Option<&Ace>) {
    let name = privilege.name();
    let text = ace.map(|ace| text::shown(std::slice::from_ref(ace), "").to_xml());
    if json {
        return say(json!({
            "privilege": name.to_string(),
            "granted": granted,
            "ace": text,
            "inherited": ace.and_then(|ace| ace.inherited.as_ref()).map(DavPath::href),
        }));
    }
    let verdict = if granted { "yes" } else { "no " };
    let why = text.unwrap_or_else(|| "no ACE speaks about it".to_owned());
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
    root: &Path,
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
            let chain = chain(&guid, &root.join("calendars/__uids__").join(shard), below, policy)?;
            Place { chain, owner: Some(guid), principal: None }
        }
        Location::Nowhere => return Err(nothing()),
    })
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
    match name {
        INBOX if top => return ResourceKind::Inbox,
        OUTBOX if top => return ResourceKind::Outbox,
        FREEBUSY if top => return ResourceKind::FreeBusyUrl,
        NOTIFICATION if top => return ResourceKind::Notifications,
        _ => {}
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
        ObjectKind::Calendar(summary) => access::withheld(summary.access, policy),
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
