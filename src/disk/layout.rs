//! Names on the disk: the one function from URL segments to file names and back.
//!
//! File names are the segments themselves, so that people find what they know. Only what would
//! be hidden, mistaken for an editor's leftover or impossible is quoted: a leading `.` or `#`
//! and a trailing `~` become `%2E`, `%23` and `%7E`; a name that already looks like that has its
//! percent sign written `%25`. Every segment has one file name and the other way round.

use std::path::PathBuf;

use crate::limits;

/// Why a segment cannot name a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, `.`, `..`, with a slash or a control character.
    #[error("no file can have this name")]
    Impossible,
    /// Longer than file names can be.
    #[error("the name is too long")]
    TooLong,
}

/// Directory of all calendar homes, below the data directory.
pub const CALENDARS: &str = "calendars";
/// Directory of undelivered work, below the data directory.
pub const SPOOL: &str = "spool";
/// Files in it that hold one piece of work at a time; a number follows.
pub const SLOT: &str = "slot-";
/// Directory of homes by GUID, below `calendars`.
pub const UIDS: &str = "__uids__";
/// Derived state of a home.
pub const INDEX: &str = ".index";
/// What an unfinished transaction of a home is about to do, where the attribute cannot hold it.
pub const INTENT: &str = ".intent";
/// The attribute of a home that says the same.
pub const INTENT_ATTRIBUTE: &str = "user.daybook.intent";
/// The attribute of a file that has no properties and replaced one that had: without it an editor
/// that saves by renaming would be thought to have lost them.
pub const BARE_ATTRIBUTE: &str = "user.daybook.bare";
/// Properties that attributes could not hold.
pub const OVERFLOW: &str = ".overflow";
/// Objects as they were last scheduled, where edits past the server are scheduled too.
pub const SCHEDULED: &str = ".scheduled";
/// Files that never became something: removed on start.
pub const TEMPORARY: &str = ".tmp-";

const FIRST: [(char, &str); 2] = [('.', "2E"), ('#', "23")];
const LAST: [(char, &str); 1] = [('~', "7E")];

/// The file name of a URL segment.
pub fn file_name(segment: &str) -> Result<String, NameError> {
    if segment.is_empty() || segment == "." || segment == ".." || cannot_be_named(segment) {
        return Err(NameError::Impossible);
    }
    let mut name = quote_first(segment);
    if let Some(quoted) = quote_last(&name) {
        name = quoted;
    }
    if segment.len() > limits::PATH_SEGMENT_BYTES || name.len() > 255 {
        return Err(NameError::TooLong);
    }
    Ok(name)
}

/// The URL segment of a file name; none for files that are not resources (hidden files, editors'
/// leftovers, names that no URL of ours can say).
pub fn segment(file_name: &str) -> Option<String> {
    if FIRST.iter().any(|(c, _)| file_name.starts_with(*c))
        || LAST.iter().any(|(c, _)| file_name.ends_with(*c))
        || cannot_be_named(file_name)
    {
        return None;
    }
    let name = unquote_last(file_name);
    let segment = unquote_first(&name);
    let usual = !segment.is_empty() && segment != "." && segment != "..";
    (usual && segment.len() <= limits::PATH_SEGMENT_BYTES).then_some(segment)
}

/// Whether there is a slash or a control character in it.
fn cannot_be_named(text: &str) -> bool {
    // Most names are ASCII, and all names are looked at often.
    match text.is_ascii() {
        // All of them, so that the processor looks at many at once.
        true => text.bytes().fold(false, |bad, b| bad | (b == b'/') | b.is_ascii_control()),
        false => text.contains(|c: char| c == '/' || c.is_control()),
    }
}

/// `%`, any number of `25`, then one of the codes: how long is that at the start of `text`?
fn escape_at_start<'a>(text: &str, codes: &'a [(char, &'a str)]) -> Option<(char, usize)> {
    let rest = text.strip_prefix('%')?;
    let inner = rest.trim_start_matches("25");
    // "%25" repeated may have swallowed nothing of the code: no code begins with 25.
    let (character, code) = codes.iter().find(|(_, code)| inner.starts_with(code))?;
    Some((*character, 1 + (rest.len() - inner.len()) + code.len()))
}

fn escape_at_end<'a>(text: &str, codes: &'a [(char, &'a str)]) -> Option<(char, usize)> {
    let (character, rest) =
        codes.iter().find_map(|(c, code)| Some((*c, text.strip_suffix(code)?)))?;
    let start = rest.trim_end_matches("25").strip_suffix('%')?;
    Some((character, start.len()))
}

fn quote_first(segment: &str) -> String {
    for (character, code) in FIRST {
        if let Some(rest) = segment.strip_prefix(character) {
            return format!("%{code}{rest}");
        }
    }
    match escape_at_start(segment, &FIRST) {
        Some(_) => format!("%25{}", &segment[1..]),
        None => segment.to_owned(),
    }
}

fn unquote_first(name: &str) -> String {
    match escape_at_start(name, &FIRST) {
        Some((character, 3)) => format!("{character}{}", &name[3..]),
        Some(_) => format!("%{}", &name[3..]),
        None => name.to_owned(),
    }
}

fn quote_last(name: &str) -> Option<String> {
    for (character, code) in LAST {
        if let Some(rest) = name.strip_suffix(character) {
            return Some(format!("{rest}%{code}"));
        }
    }
    let (_, start) = escape_at_end(name, &LAST)?;
    Some(format!("{}%25{}", &name[..start], &name[start + 1..]))
}

fn unquote_last(name: &str) -> String {
    match escape_at_end(name, &LAST) {
        Some((character, start)) if name.len() - start == 3 => {
            format!("{}{character}", &name[..start])
        }
        Some((_, start)) => format!("{}%{}", &name[..start], &name[start + 3..]),
        None => name.to_owned(),
    }
}

/// Whether a directory of this name can be a home: its GUID can be cut into shards and quoted.
pub fn is_guid(guid: &str) -> bool {
    guid.len() > 4
        && guid.len() <= 200
        && !guid.starts_with('.')
        && guid.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@:+=".contains(&b))
}

/// `calendars/__uids__/XX/YY`, where the home of `guid` lies; none when no home can have this id.
pub fn home_shard(guid: &str) -> Option<PathBuf> {
    is_guid(guid).then(|| [CALENDARS, UIDS, &guid[..2], &guid[2..4]].iter().collect())
}

#[cfg(test)]
mod tests {
    use super::{NameError, file_name, home_shard, segment};

    #[test]
    fn names_survive_the_disk() {
        for (name, file) in [
            ("a.ics", "a.ics"),
            ("50% off.ics", "50% off.ics"),
            (".index", "%2Eindex"),
            ("%2Eindex", "%252Eindex"),
            ("%252Eindex", "%25252Eindex"),
            ("#x#", "%23x#"),
            ("x.ics~", "x.ics%7E"),
            ("x.ics%7E", "x.ics%257E"),
            ("x.ics%257E", "x.ics%25257E"),
            ("~", "%7E"),
            ("%7E", "%257E"),
            (".~", "%2E%7E"),
            ("%2E%7E", "%252E%257E"),
            ("%25.ics", "%25.ics"),
            ("%25", "%25"),
            ("ä ü 😀.ics", "ä ü 😀.ics"),
            (".tmp-1", "%2Etmp-1"),
        ] {
            assert_eq!(file_name(name).as_deref(), Ok(file), "{name}");
            assert_eq!(segment(file).as_deref(), Some(name), "{file}");
        }
    }

    #[test]
    fn what_is_no_resource_has_no_segment() {
        for file in [".index", ".x.ics.swp", "x.ics~", "#x.ics#", "a\nb", &"a".repeat(241)] {
            assert_eq!(segment(file), None, "{file}");
        }
        for name in ["", ".", "..", "a/b", "a\0b", "\u{7f}"] {
            assert_eq!(file_name(name), Err(NameError::Impossible), "{name:?}");
        }
        assert_eq!(file_name(&"a".repeat(241)), Err(NameError::TooLong));
    }

    #[test]
    fn homes_are_sharded_by_their_first_characters() {
        let shard = home_shard("0F168477-CF3D-45D3-AE60-9875EA02C4D1").unwrap();
        assert_eq!(shard.to_str(), Some("calendars/__uids__/0F/16"));
        for guid in ["abcd", "", "../../etc", "a/bcdef", ".abcdef"] {
            assert_eq!(home_shard(guid), None, "{guid}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_segment_has_one_file_name(name in "[%257E.#~a]{1,12}") {
            if let Ok(file) = file_name(&name) {
                assert_eq!(segment(&file), Some(name));
            }
        }

        #[test]
        fn every_visible_file_has_one_segment(file in "[%257E2.#~a]{1,12}") {
            if let Some(name) = segment(&file) {
                assert_eq!(file_name(&name), Ok(file));
            }
        }
    }
}
