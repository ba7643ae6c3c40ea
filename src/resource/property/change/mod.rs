//! Changes of properties (RFC 4918 §9.2): which of them may happen, and what they come to. All or
//! nothing: when one may not, none does, and the others are answered with 424.
//!
//! Decides only; the caller writes the plan in its own transaction.

mod calendar;
mod principal;
mod scheduling;

use super::{View, dead, live, webdav};
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::name::{CALDAV, DAV};
use crate::dav::{Error, Name, Precondition, Result};
use crate::limits;
use crate::principal::ProxyKind;
use crate::resource::Resource;
use crate::resource::calendar::COMPONENT_SET;
use crate::store::{HomePath, PropertyChanges};
use crate::xml::multistatus::Propstats;
use crate::xml::request::Instruction;

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// On the resource itself.
    pub here: PropertyChanges,
    /// On other resources of the same home.
    pub elsewhere: Vec<(HomePath, PropertyChanges)>,
    /// New delegates of the owner, by GUID.
    pub delegates: Option<(ProxyKind, Vec<String>)>,
}

/// A change of several properties: what becomes of each, and the plan if nothing fails.
#[derive(Debug)]
pub struct Outcome {
    /// Every property once, in the order of the request.
    pub results: Vec<(Name, Result<()>)>,
    /// What is to be written; nothing when something failed.
    pub plan: Plan,
}

/// What a change is decided on.
struct Change<'a> {
    view: &'a View,
    resource: &'a Resource,
    /// Whether the resource is being made (MKCOL, MKCALENDAR).
    making: bool,
    plan: Plan,
}

/// Decides the instructions of a PROPPATCH, or of the making of a collection: then `resource` is
/// what it will be.
pub fn plan(
    view: &View,
    resource: &Resource,
    instructions: &[Instruction],
    making: bool,
) -> Outcome {
    let mut change = Change { view, resource, making, plan: Plan::default() };
    let mut results: Vec<(Name, Result<()>)> = Vec::new();
    for instruction in instructions {
        let name = instruction.name();
        let result = change.apply(instruction);
        match results.iter_mut().find(|(known, _)| known == name) {
            Some((_, Err(_))) => {}
            Some((_, known)) => *known = result,
            None => results.push((name.clone(), result)),
        }
    }
    let mut plan = change.plan;
    if results.iter().any(|(_, result)| result.is_err()) {
        plan = Plan::default();
        for (_, result) in results.iter_mut().filter(|(_, result)| result.is_ok()) {
            *result = Err(Error::status(424));
        }
    }
    Outcome { results, plan }
}

impl Outcome {
    /// Whether nothing was refused.
    pub fn is_ok(&self) -> bool {
        self.results.iter().all(|(_, result)| result.is_ok())
    }

    /// The outcome when the writing itself failed.
    pub fn failed(mut self, error: &Error) -> Self {
        self.results.iter_mut().for_each(|(_, result)| *result = Err(error.clone()));
        self.plan = Plan::default();
        self
    }

    /// The propstat elements that tell it; a minimal answer leaves out what went well.
    pub fn write(&self, prefix: &str, minimal: bool, propstats: &mut Propstats<'_>) {
        let mut told = vec![false; self.results.len()];
        for (at, (_, result)) in self.results.iter().enumerate() {
            if told[at] || (minimal && result.is_ok()) {
                continue;
            }
            let mut names = Vec::new();
            for (other, (name, same)) in self.results.iter().enumerate().skip(at) {
                if same == result {
                    told[other] = true;
                    names.push(name);
                }
            }
            let write = |writer: &mut crate::xml::Writer| {
                names.iter().for_each(|name| writer.empty(name));
            };
            match result {
                Ok(()) => propstats.propstat(200, write),
                Err(error) => propstats.failed_propstat(error, prefix, write),
            }
        }
    }
}

impl Change<'_> {
    fn apply(&mut self, instruction: &Instruction) -> Result<()> {
        let name = instruction.name();
        if self.resource.kind.is_principal() {
            return principal::apply(self, instruction);
        }
        if !self.resource.kind.in_home() || !(self.making || self.resource.entry().is_some()) {
            return Err(protected());
        }
        if let (true, Instruction::Set(element)) = (self.making, instruction)
            && name.is(DAV, "resourcetype")
        {
            let types: Vec<&Name> = element.elements().map(|element| &element.name).collect();
            return match kind_made(&types) == Some(self.resource.kind) {
                true => Ok(()),
                false => Err(Precondition::ValidResourcetype.into()),
            };
        }
        if let Some(handled) =
            calendar::apply(self, instruction).or_else(|| scheduling::apply(self, instruction))
        {
            return handled;
        }
        let server_only = live(name).is_some_and(|live| live.protected);
        if dead::is_private(name) || server_only || *name == webdav::STORED_RESOURCE_ID {
            return Err(protected());
        }
        self.keep(instruction)
    }

    /// Stores or removes a property as it is.
    fn keep(&mut self, instruction: &Instruction) -> Result<()> {
        let name = instruction.name();
        let stored = dead::personal_name(self.view, self.resource, name);
        let stored = stored.unwrap_or_else(|| name.clone());
        match instruction {
            Instruction::Set(element) => self.set(stored, element.to_xml()),
            Instruction::Remove(_) => {
                self.remove(stored);
                Ok(())
            }
        }
    }

    /// The last word on a property counts.
    fn set(&mut self, name: Name, xml: String) -> Result<()> {
        if xml.len() > limits::PROPERTY_BYTES {
            return Err(
                Error::from(Precondition::SufficientDiskSpace).because("the property is too large")
            );
        }
        self.forget(&name);
        self.plan.here.set.push((name, xml));
        Ok(())
    }

    fn remove(&mut self, name: Name) {
        self.forget(&name);
        self.plan.here.remove.push(name);
    }

    fn forget(&mut self, name: &Name) {
        self.plan.here.set.retain(|(known, _)| known != name);
        self.plan.here.remove.retain(|known| known != name);
    }

    fn is(&self, kind: Kind) -> bool {
        self.resource.kind == kind
    }
}

/// The kind of collection that has these resource types, if one can be made (RFC 5689 §3.3).
pub fn kind_made(types: &[&Name]) -> Option<Kind> {
    let is = |namespace: &str, local: &str| types.iter().any(|name| name.is(namespace, local));
    match (is(DAV, "collection"), is(CALDAV, "calendar"), types.len()) {
        (true, true, 2) => Some(Kind::Calendar),
        (true, false, 1) => Some(Kind::Collection),
        _ => None,
    }
}

/// Properties that belong to the server.
fn protected() -> Error {
    Precondition::CannotModifyProtectedProperty.into()
}

/// RFC 4918 §9.2.1: a value whose meaning does not fit the property.
fn unfit(reason: &str) -> Error {
    Error::status(409).because(reason)
}

/// Whether a name is the one that only the making of a calendar may set.
fn is_component_set(name: &Name) -> bool {
    *name == COMPONENT_SET
}
