//! A delivery of two steps that needs no intent: an object that takes a message in gets its name,
//! marked with the message, and then the message in the inbox does.
//!
//! While the message waits for its name, its file is called after it. A process that dies between
//! the two leaves that file beside an object with the mark, and the next one gives it its name;
//! without the mark nothing has been done, and the file goes. Either way there is the state before
//! or after the delivery, as an intent would have it, for no call of the system at all. Who removes
//! the message later leaves no such file, so that it does not come back.

use crate::disk::{Dir, Replacing, attribute, layout, temporary_name};
use crate::index::{HomePath, PropertySet, Snapshot};

use super::StoreError;
use super::reconcile::Reconciler;
use super::transaction::Step;

/// The collection of messages.
pub(super) const INBOX: &str = "inbox";
/// What the name of a message's file ends with.
const ENDING: &str = ".ics";
/// Characters of an id that are its mark: 60 random bits of a UUID.
const MARK_CHARACTERS: usize = 16;

/// The mark on an object that took the message with that id in.
pub fn mark(id: &str) -> String {
    characters(id).collect()
}

fn characters(id: &str) -> impl Iterator<Item = char> {
    id.chars().filter(|character| *character != '-').take(MARK_CHARACTERS)
}

/// The marks on an object with these properties.
pub fn marks(properties: &PropertySet) -> impl Iterator<Item = &str> {
    properties.get(&attribute::DELIVERED).into_iter().flat_map(|marks| marks.split_whitespace())
}

/// The temporary name of a message that is to have that file name.
pub(super) fn temporary(name: &str) -> String {
    format!("{}-{name}", temporary_name())
}

/// The file name that a file with that temporary name was to have, if it is a message.
pub(super) fn target(temporary: &str) -> Option<&str> {
    let (_, name) = temporary.strip_prefix(layout::TEMPORARY)?.split_once('-')?;
    name.ends_with(ENDING).then_some(name)
}

/// Whether the steps are such a delivery; `object` is what the first one puts.
pub(super) fn is_delivery(steps: &[Step], object: &PropertySet) -> bool {
    let [
        Step::Install { directory: false, .. },
        Step::Install { parent, temporary, directory: false, replaces: false, .. },
    ] = steps
    else {
        return false;
    };
    let marked = |name: &str| is_marked(object, name);
    parent.as_os_str() == INBOX && target(temporary).is_some_and(marked)
}

/// Whether an object with these properties took the message with that file name in.
fn is_marked(properties: &PropertySet, name: &str) -> bool {
    let id = name.strip_suffix(ENDING).unwrap_or(name);
    marks(properties).any(|known| known.chars().eq(characters(id)))
}

/// Ends the deliveries that a dead process began: the objects of the home are known by now.
pub(super) fn end(home: &Dir, reconciler: &mut Reconciler) -> Result<(), StoreError> {
    let Some(inbox) = home.open_dir(INBOX)? else { return Ok(()) };
    for listed in inbox.list()?.0 {
        let Some(name) = target(&listed.name) else { continue };
        let is_there = inbox.stat(name)?.is_some();
        if is_there || !any_marked(&reconciler.work, name) {
            inbox.remove_file(&listed.name)?;
            continue;
        }
        inbox.rename(&listed.name, &inbox, name, Replacing::No)?;
        inbox.sync()?;
        if let Some(segment) = layout::segment(name) {
            reconciler.named(&inbox, name, &HomePath::new([INBOX]).join(&segment))?;
        }
    }
    Ok(())
}

fn any_marked(snapshot: &Snapshot, name: &str) -> bool {
    let calendars = snapshot.calendars();
    let mut objects = calendars.iter().flat_map(|(_, calendar)| calendar.objects());
    objects.any(|(_, object)| is_marked(&object.properties, name))
}

#[cfg(test)]
mod tests {
    use super::{target, temporary};
    use crate::disk::temporary_name;

    #[test]
    fn the_name_of_a_waiting_message_tells_its_own() {
        let name = "0f168477-cf3d-45d3-ae60-9875ea02c4d1.ics";
        assert_eq!(target(&temporary(name)), Some(name));
        for other in [&temporary_name()[..], name, ".tmp-12", ".tmp-12-a.txt", "12-a.ics"] {
            assert_eq!(target(other), None, "{other}");
        }
    }
}
