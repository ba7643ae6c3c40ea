//! `DAV:acl` as XML (RFC 3744 §5.5): what clients send and see, and what is stored. Stored ACLs
//! carry the reference system's private `inheritable` marker, which clients never see.

use super::ace::{Ace, AcePrincipal, PrincipalKey};
use super::privilege::{Privilege, PrivilegeSet, amounts_to, parts};
use crate::dav::name::{DAV, TWISTED};
use crate::dav::{DavPath, Error, Name, Precondition, ResourceKind};
use crate::limits;
use crate::xml::Element;

/// Which principal a reference in a client's ACL leads to; none if there is no such principal.
pub type Recognise<'a> = &'a dyn Fn(&str) -> Option<PrincipalKey>;

const INHERITABLE: Name = Name::new(TWISTED, "inheritable");

/// Reads the body of an ACL request (RFC 3744 §8.1) with the preconditions that need nothing but
/// the body and the directory.
pub fn read_request(acl: &Element, recognise: Recognise<'_>) -> Result<Vec<Ace>, Error> {
    if !acl.is(DAV, "acl") {
        return Err(Error::bad_request("the body is not a DAV:acl element"));
    }
    let mut aces = Vec::new();
    for element in acl.elements().filter(|element| element.is(DAV, "ace")) {
        if aces.len() == limits::ACES {
            return Err(Precondition::LimitedNumberOfAces.into());
        }
        if element.child(DAV, "protected").is_some() || element.child(DAV, "inherited").is_some() {
            return Err(Precondition::NoAceConflict.into());
        }
        let draft = draft(element)
            .ok_or_else(|| Error::bad_request("an ace needs a principal and grant or deny"))?;
        let mut privileges = Vec::new();
        for name in draft.privileges {
            let privilege = Privilege::from_name(name);
            privileges.push(privilege.ok_or(Precondition::NotSupportedPrivilege)?);
        }
        if privileges.is_empty() {
            return Err(Error::bad_request("an ace without privileges"));
        }
        let principal =
            principal(draft.principal, recognise).ok_or(Precondition::RecognizedPrincipal)?;
        let mut ace = Ace::grant(principal, &privileges);
        ace.grant = draft.grant;
        ace.invert = draft.invert;
        ace.inheritable = draft.inheritable;
        aces.push(ace);
    }
    Ok(aces)
}

/// Reads a stored ACL. What it does not understand is kept as far as it can be and matches nobody:
/// a stored deny must never turn into a grant.
pub fn read_stored(acl: &Element) -> Vec<Ace> {
    let by_path = |href: &str| PrincipalKey::from_path(&DavPath::parse(href).ok()?);
    let ace = |element: &Element| {
        let draft = draft(element)?;
        let principal = principal(draft.principal, &by_path).unwrap_or_else(|| {
            let href = draft.principal.child(DAV, "href").map(|href| href.text().into_owned());
            AcePrincipal::Foreign(href.unwrap_or_default())
        });
        let privileges: Vec<Privilege> =
            draft.privileges.into_iter().filter_map(Privilege::from_name).collect();
        let mut ace = Ace::grant(principal, &privileges);
        ace.grant = draft.grant;
        ace.invert = draft.invert;
        ace.inheritable = draft.inheritable;
        (!privileges.is_empty()).then_some(ace)
    };
    let aces = acl.elements().filter(|element| element.is(DAV, "ace"));
    aces.filter_map(ace).take(limits::ACES).collect()
}

/// The stored form of what a client set.
pub fn stored(aces: &[Ace]) -> String {
    acl(aces.iter().map(|ace| {
        let element = ace_element(ace, "");
        if ace.inheritable { element.with_child(Element::new(INHERITABLE)) } else { element }
    }))
    .to_xml()
}

/// `DAV:acl` for a client that sees the server below `prefix`.
pub fn shown(aces: &[Ace], prefix: &str) -> Element {
    acl(aces.iter().map(|ace| {
        let mut element = ace_element(ace, prefix);
        if ace.protected {
            element = element.with_child(dav("protected"));
        }
        if let Some(from) = &ace.inherited {
            element = element.with_child(dav("inherited").with_child(href(from, prefix)));
        }
        element
    }))
}

/// `DAV:supported-privilege-set` (RFC 3744 §5.3). No privilege is abstract (RFC 6638 §6).
pub fn supported_privilege_set(kind: ResourceKind) -> Element {
    fn element(privilege: Privilege, kind: ResourceKind) -> Element {
        let description = dav("description").with_text(privilege.description());
        let mut description = description;
        description.set_attribute(Name::new(crate::xml::element::XML, "lang"), "en");
        let own = dav("supported-privilege")
            .with_child(privilege_element(privilege))
            .with_child(description);
        parts(privilege, kind)
            .into_iter()
            .fold(own, |parent, part| parent.with_child(element(part, kind)))
    }
    dav("supported-privilege-set").with_child(element(Privilege::All, kind))
}

/// `DAV:current-user-privilege-set` (RFC 3744 §5.4).
pub fn current_user_privilege_set(has: PrivilegeSet, kind: ResourceKind) -> Element {
    amounts_to(has, kind)
        .fold(dav("current-user-privilege-set"), |set, p| set.with_child(privilege_element(p)))
}

struct Draft<'a> {
    principal: &'a Element,
    invert: bool,
    grant: bool,
    privileges: Vec<&'a Name>,
    inheritable: bool,
}

/// The parts of an ace; none where the element is not one: it has one principal, or one invert
/// around one, and one list (RFC 3744 §5.5, §8.1.5).
fn draft(ace: &Element) -> Option<Draft<'_>> {
    let inverted = ace.child(DAV, "invert");
    let principal = match inverted {
        Some(invert) => invert.child(DAV, "principal")?,
        None => ace.child(DAV, "principal")?,
    };
    let count = |names: [&str; 2]| {
        let is_one = |element: &&Element| names.iter().any(|name| element.is(DAV, name));
        ace.elements().filter(is_one).count()
    };
    if count(["principal", "invert"]) != 1 || count(["grant", "deny"]) != 1 {
        return None;
    }
    let (grant, list) = match ace.child(DAV, "grant") {
        Some(list) => (true, list),
        None => (false, ace.child(DAV, "deny")?),
    };
    let privileges = list
        .elements()
        .filter(|element| element.is(DAV, "privilege"))
        .flat_map(|privilege| privilege.elements().map(|element| &element.name))
        .collect();
    let inheritable = ace.elements().any(|element| element.name == INHERITABLE);
    Some(Draft { principal, invert: inverted.is_some(), grant, privileges, inheritable })
}

fn principal(element: &Element, recognise: Recognise<'_>) -> Option<AcePrincipal> {
    let child = element.elements().next()?;
    if child.name.namespace != DAV {
        return None;
    }
    match child.name.local.as_ref() {
        "all" => Some(AcePrincipal::All),
        "authenticated" => Some(AcePrincipal::Authenticated),
        "unauthenticated" => Some(AcePrincipal::Unauthenticated),
        "self" => Some(AcePrincipal::Itself),
        "property" => {
            let name = &child.elements().next()?.name;
            name.is(DAV, "owner").then(|| AcePrincipal::Property(name.clone()))
        }
        "href" => recognise(child.text().trim()).map(AcePrincipal::Principal),
        _ => None,
    }
}

fn ace_element(ace: &Ace, prefix: &str) -> Element {
    let whom = match &ace.principal {
        AcePrincipal::All => dav("all"),
        AcePrincipal::Authenticated => dav("authenticated"),
        AcePrincipal::Unauthenticated => dav("unauthenticated"),
        AcePrincipal::Itself => dav("self"),
        AcePrincipal::Property(name) => dav("property").with_child(Element::new(name.clone())),
        AcePrincipal::Principal(key) => href(&key.path(), prefix),
        AcePrincipal::Foreign(text) => dav("href").with_text(text.clone()),
    };
    let mut principal = dav("principal").with_child(whom);
    if ace.invert {
        principal = dav("invert").with_child(principal);
    }
    let list = dav(if ace.grant { "grant" } else { "deny" });
    let list = ace.privileges.iter().fold(list, |list, p| list.with_child(privilege_element(*p)));
    dav("ace").with_child(principal).with_child(list)
}

fn acl(aces: impl Iterator<Item = Element>) -> Element {
    aces.fold(dav("acl"), Element::with_child)
}

fn privilege_element(privilege: Privilege) -> Element {
    dav("privilege").with_child(Element::new(privilege.name()))
}

fn href(path: &DavPath, prefix: &str) -> Element {
    dav("href").with_text(format!("{prefix}{}", path.href()))
}

fn dav(local: &'static str) -> Element {
    Element::new(Name::dav(local))
}
