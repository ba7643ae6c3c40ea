//! What somebody may do with a resource: the stored ACLs on the way to it, put together by
//! `acl::effective` and decided by `acl::granted`. The only place that asks `acl` about resources,
//! so listings and methods cannot disagree.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Resource, attachment};
use crate::acl::view::ResourceView;
use crate::acl::{
    Ace, AcePrincipal, ActorView, Link, Policy, PrincipalKey, Privilege, PrivilegeSet, Withheld,
    evaluate, granted, required, text,
};
use crate::caldav::redact;
use crate::config::Privacy;
use crate::dav::kind::ResourceKind;
use crate::dav::{DavPath, Error, Method, Name};
use crate::ical::{AccessLevel, Component};
use crate::principal::Directory;
use crate::store::{Entry, HomePath, ObjectEntry, ObjectKind};
use crate::xml::parse;

/// Where a resource keeps the ACEs that clients set.
pub const STORED_ACL: Name = Name::dav("acl");

/// Answers for one actor; cheap to ask many times about members of one collection.
#[derive(Clone, Debug)]
pub struct Access {
    actor: ActorView,
    policy: Policy,
    last: Arc<Mutex<Option<Remembered>>>,
}

/// Decides about the members of one collection; those without an ACL of their own are alike.
pub struct Members<'a> {
    access: &'a Access,
    collection: &'a Resource,
    any_of: &'a [Privilege],
    common: Option<bool>,
}

impl Members<'_> {
    /// Whether the actor has one of the privileges on a file of the collection.
    pub fn may(&mut self, name: &str, object: &ObjectEntry) -> bool {
        let common = object.properties.get(&STORED_ACL).is_none()
            && self.access.withheld_by(object) == Withheld::Nothing;
        if let (true, Some(known)) = (common, self.common) {
            return known;
        }
        let Some(member) = self.collection.member(name) else { return false };
        let may = self.any_of.iter().any(|privilege| self.access.may(&member, *privilege));
        if common {
            self.common = Some(may);
        }
        may
    }
}

/// Members without an ACL of their own all inherit the same.
#[derive(Debug)]
struct Remembered {
    snapshot: usize,
    parent: HomePath,
    kind: ResourceKind,
    withheld: Withheld,
    privileges: PrivilegeSet,
}

/// How much of an object's content somebody sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// All of it.
    Whole,
    /// What its access level leaves.
    Part(Component),
    /// Nothing.
    Nothing,
}

/// The policy of a directory and a configuration.
pub fn policy(directory: &Directory, privacy: &Privacy) -> Policy {
    Policy {
        class_counts: privacy.class_counts,
        anonymous_root: privacy.anonymous_root,
        anonymous_navigation: privacy.anonymous_navigation,
        anonymous_free_busy: privacy.anonymous_free_busy,
        ..Policy::of(directory)
    }
}

impl Access {
    /// For an actor by GUID, or for nobody.
    pub fn new(directory: &Directory, actor: Option<&str>, policy: Policy) -> Self {
        let actor = ActorView::of_actor(directory, actor);
        Self { actor, policy, last: Arc::default() }
    }

    /// Who asks.
    pub fn actor(&self) -> &ActorView {
        &self.actor
    }

    /// The ACEs that hold for a resource, own before inherited. Paths in them are canonical.
    pub fn aces(&self, resource: &Resource) -> Vec<Ace> {
        self.aces_at(resource, &resource.canonical())
    }

    fn aces_at(&self, resource: &Resource, path: &DavPath) -> Vec<Ace> {
        match attachment::objects(resource) {
            Some(objects) => self.aces_of_attachment(resource, &objects),
            None => self.own_and_inherited(resource, path),
        }
    }

    /// Who may read one of the events may read what is attached to it, and so may the people it
    /// invites, whose own copies name it. It is changed by way of the events only (RFC 8607 §3).
    fn aces_of_attachment(&self, resource: &Resource, objects: &[Resource]) -> Vec<Ace> {
        let mut aces = vec![Ace::deny(AcePrincipal::All, &[Privilege::Write]).protect()];
        let invited = attachment::above(resource)
            .zip(resource.place.as_ref())
            .and_then(|(above, place)| place.snapshot.entry(&above))
            .and_then(|entry| stored(&entry));
        aces.extend(invited.unwrap_or_default());
        let of = |object: &Resource| self.own_and_inherited(object, &object.canonical());
        aces.extend(objects.iter().flat_map(of));
        aces
    }

    fn own_and_inherited(&self, resource: &Resource, path: &DavPath) -> Vec<Ace> {
        let owner = resource.owner.as_ref().map(|owner| owner.guid.as_str());
        crate::acl::effective(&chain(resource, path, self.withheld(resource)), owner, &self.policy)
    }

    /// How much of the content of a calendar object the actor sees who may read it: the owner and
    /// administrators all, others what its access level leaves.
    pub fn shown(&self, resource: &Resource, content: &Component) -> Shown {
        let level = AccessLevel::of(content);
        match withheld(level, &self.policy) {
            Withheld::Nothing => Shown::Whole,
            _ if self.sees_all(resource) => Shown::Whole,
            Withheld::Writing => Shown::Part(redact::for_others(content, level)),
            Withheld::Everything => Shown::Nothing,
        }
    }

    /// Whether the actor sees all of a resource's content, whatever its level: the owner and
    /// administrators (apple-caldav-privateevents §4.2).
    pub fn sees_all(&self, resource: &Resource) -> bool {
        let owner = resource.owner.as_ref().map(|owner| owner.guid.as_str());
        self.actor.is_admin() || (owner.is_some() && owner == self.actor.guid())
    }

    /// 403 unless the actor sees all of the content, so that a copy gives nothing away.
    pub fn require_whole(&self, resource: &Resource) -> Result<(), Error> {
        match self.withheld(resource) {
            Withheld::Nothing => Ok(()),
            _ if self.sees_all(resource) => Ok(()),
            _ => Err(Error::status(403).because("the owner shows only a part of it")),
        }
    }

    /// What the content of a resource keeps from others, as the index knows it.
    fn withheld(&self, resource: &Resource) -> Withheld {
        let object = resource.entry().and_then(|entry| entry.object());
        object.map_or(Withheld::Nothing, |object| self.withheld_by(object))
    }

    fn withheld_by(&self, object: &ObjectEntry) -> Withheld {
        match &object.kind {
            ObjectKind::Calendar(summary) => withheld(summary.access(), &self.policy),
            // Nobody can say what it would ask for.
            ObjectKind::Damaged(_) => Withheld::Everything,
            ObjectKind::Plain => Withheld::Nothing,
        }
    }

    /// Whether an object of a collection is shown whole to the actor, as the index knows it.
    pub fn shows_whole(&self, collection: &Resource, object: &ObjectEntry) -> bool {
        self.withheld_by(object) == Withheld::Nothing || self.sees_all(collection)
    }

    /// What the actor may do with it.
    pub fn privileges(&self, resource: &Resource) -> PrivilegeSet {
        let Some(shared) = shared_parent(resource) else { return self.evaluate(resource) };
        let withheld = self.withheld(resource);
        let mut last = self.last.lock();
        if let Some(known) = last.as_ref()
            && (known.snapshot, known.kind, known.withheld) == (shared.0, resource.kind, withheld)
            && known.parent == shared.1
        {
            return known.privileges;
        }
        let privileges = self.evaluate(resource);
        let (snapshot, parent) = shared;
        *last = Some(Remembered { snapshot, parent, kind: resource.kind, withheld, privileges });
        privileges
    }

    /// Decides about many members of a collection: whether the actor has one of the privileges.
    pub fn members<'a>(&'a self, collection: &'a Resource, any_of: &'a [Privilege]) -> Members<'a> {
        Members { access: self, collection, any_of, common: None }
    }

    /// Whether the actor has a privilege on it.
    pub fn may(&self, resource: &Resource, privilege: Privilege) -> bool {
        self.missing(resource, &[privilege]).is_empty()
    }

    /// Which of some privileges the actor lacks on it.
    pub fn missing(&self, resource: &Resource, needed: &[Privilege]) -> Vec<Privilege> {
        if needed.is_empty() {
            return Vec::new();
        }
        evaluate::missing(resource.kind, self.privileges(resource), needed)
    }

    /// 403 with `DAV:need-privileges` unless the actor has all of them.
    pub fn require(&self, resource: &Resource, needed: &[Privilege]) -> Result<(), Error> {
        let missing = self.missing(resource, needed);
        if missing.is_empty() {
            return Ok(());
        }
        Err(crate::acl::need_privileges(&[(&resource.path, missing)]))
    }

    /// Whether the actor may know what is there: who may read a resource or the collection that
    /// lists it.
    pub fn sees(&self, resource: &Resource) -> bool {
        let listed = || resource.parent().is_some_and(|above| self.may(&above, Privilege::Read));
        (resource.exists && self.may(resource, Privilege::Read)) || listed()
    }

    /// The refusal of a method on something that the actor does not see; `path` as the request
    /// has it, because a slash more or less would tell.
    pub fn unseen(&self, method: Method, resource: &Resource, path: &DavPath) -> Error {
        let need = required::unseen(method);
        let above = resource.parent().unwrap_or_else(|| resource.clone());
        let missing = self.missing(&above, need.parent);
        let above = path.parent().unwrap_or_else(|| path.clone());
        let lacks = [(path, need.target.to_vec()), (&above, missing)];
        crate::acl::need_privileges(&lacks).unhurried()
    }

    fn evaluate(&self, resource: &Resource) -> PrivilegeSet {
        let principal = resource.owner.as_ref().and_then(|owner| match resource.kind {
            ResourceKind::Principal => Some(PrincipalKey::of(&owner.guid)),
            ResourceKind::ProxyPrincipal => {
                resource.proxy.map(|kind| PrincipalKey::proxy(&owner.guid, kind))
            }
            _ => None,
        });
        let owner = resource.owner.as_ref().map(|owner| owner.guid.as_str());
        let view = ResourceView { owner, principal: principal.as_ref() };
        // Where an ACE comes from does not matter here, so nobody spells it out.
        let aces = self.aces_at(resource, &DavPath::root());
        granted(resource.kind, &aces, view, &self.actor)
    }
}

/// What an object of this level keeps from others (apple-caldav-privateevents §4.2.3).
pub fn withheld(level: AccessLevel, policy: &Policy) -> Withheld {
    match level {
        AccessLevel::Public => Withheld::Nothing,
        AccessLevel::Classified if !policy.class_counts => Withheld::Nothing,
        AccessLevel::Classified | AccessLevel::Confidential | AccessLevel::Restricted => {
            Withheld::Writing
        }
        AccessLevel::Private => Withheld::Everything,
    }
}

/// The collection whose members without own ACL all have the same privileges.
fn shared_parent(resource: &Resource) -> Option<(usize, HomePath)> {
    let place = resource.place.as_ref()?;
    let entry = place.entry.as_ref()?;
    if entry.object().is_none() || entry.properties().get(&STORED_ACL).is_some() {
        return None;
    }
    Some((Arc::as_ptr(&place.snapshot).cast::<()>() as usize, place.path.parent()?))
}

/// The resources from the home down to this one; outside homes it stands alone. `path` is where the
/// resource is, or the root where nobody wants to know.
fn chain(resource: &Resource, path: &DavPath, withheld: Withheld) -> Vec<Link> {
    let Some(place) = &resource.place else {
        return vec![Link { kind: resource.kind, path: path.clone(), stored: None, withheld }];
    };
    let depth = place.path.segments().len();
    let home = path.segments().len().saturating_sub(depth);
    let mut links = Vec::with_capacity(depth + 1);
    for level in 0..=depth {
        let at = HomePath::new(place.path.segments()[..level].to_vec());
        let entry = place.snapshot.entry(&at);
        let (kind, slash) = match level == depth {
            true => (resource.kind, path.has_slash()),
            false => (super::resolve::kind_in_home(&at, entry.as_ref(), None, true), true),
        };
        let names = path.segments().get(..home + level).unwrap_or_default();
        let path = DavPath::from_segments(names.to_vec(), slash);
        let withheld = if level == depth { withheld } else { Withheld::Nothing };
        links.push(Link { kind, path, stored: entry.as_ref().and_then(stored), withheld });
    }
    links
}

fn stored(entry: &Entry) -> Option<Vec<Ace>> {
    let element = parse(entry.properties().get(&STORED_ACL)?.as_bytes());
    // An ACL that cannot be read gives nothing to anybody: deny all but the protected ACEs.
    Some(element.map(|element| text::read_stored(&element)).unwrap_or_default())
}
