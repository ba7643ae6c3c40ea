//! The URL space as a table: which kind of thing a path speaks of, before anybody looks whether
//! it exists. Pure text; must know neither the store nor the directory.

/// How a path names the owner of a home or a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// `…/__uids__/GUID/`.
    Guid(&'a str),
    /// `…/users/alice/`: the type's collection and the short name.
    Name(&'a str, &'a str),
}

/// What a path speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location<'a> {
    /// `/`.
    Root,
    /// `/.well-known/` and what is below it.
    WellKnown(&'a [String]),
    /// `/control`.
    Control,
    /// `/timezones`.
    Timezones,
    /// `/stdtimezones` and what is below it.
    TimezoneStd(&'a [String]),
    /// `/principals/`.
    PrincipalsRoot,
    /// `/principals/__uids__/`.
    PrincipalUids,
    /// `/principals/users/` and its sisters.
    PrincipalType(&'a str),
    /// A principal, and what is below it.
    Principal(Key<'a>, &'a [String]),
    /// `/calendars/`.
    CalendarsRoot,
    /// `/calendars/__uids__/`.
    CalendarsUids,
    /// `/calendars/users/` and its sisters.
    CalendarsType(&'a str),
    /// A home, and what is below it.
    Home(Key<'a>, &'a [String]),
    /// Nothing of ours.
    Nowhere,
}

/// The name of the collections that list by GUID.
pub const UIDS: &str = "__uids__";

/// Looks a decoded path up in the table.
pub fn locate(segments: &[String]) -> Location<'_> {
    let Some((first, rest)) = segments.split_first() else { return Location::Root };
    match first.as_str() {
        ".well-known" => Location::WellKnown(rest),
        "control" if rest.is_empty() => Location::Control,
        "timezones" if rest.is_empty() => Location::Timezones,
        "stdtimezones" => Location::TimezoneStd(rest),
        "principals" => match rest {
            [] => Location::PrincipalsRoot,
            [kind] if kind == UIDS => Location::PrincipalUids,
            [kind] => Location::PrincipalType(kind),
            [kind, name, rest @ ..] => Location::Principal(key(kind, name), rest),
        },
        "calendars" => match rest {
            [] => Location::CalendarsRoot,
            [kind] if kind == UIDS => Location::CalendarsUids,
            [kind] => Location::CalendarsType(kind),
            [kind, name, rest @ ..] => Location::Home(key(kind, name), rest),
        },
        _ => Location::Nowhere,
    }
}

fn key<'a>(kind: &'a str, name: &'a str) -> Key<'a> {
    if kind == UIDS { Key::Guid(name) } else { Key::Name(kind, name) }
}

#[cfg(test)]
mod tests {
    use super::{Key, Location, locate};
    use crate::dav::DavPath;

    #[test]
    fn every_corner_of_the_url_space() {
        let x: &[String] = &["calendar".to_owned(), "x.ics".to_owned()];
        let read: &[String] = &["calendar-proxy-read".to_owned()];
        for (path, location) in [
            ("/", Location::Root),
            ("/principals", Location::PrincipalsRoot),
            ("/principals/users/", Location::PrincipalType("users")),
            ("/principals/__uids__/", Location::PrincipalUids),
            ("/principals/users/al%40x/", Location::Principal(Key::Name("users", "al@x"), &[])),
            (
                "/principals/__uids__/G/calendar-proxy-read/",
                Location::Principal(Key::Guid("G"), read),
            ),
            ("/calendars/", Location::CalendarsRoot),
            ("/calendars/locations", Location::CalendarsType("locations")),
            ("/calendars/__uids__", Location::CalendarsUids),
            ("/calendars/__uids__/G", Location::Home(Key::Guid("G"), &[])),
            ("/calendars/users/bob/calendar/x.ics", Location::Home(Key::Name("users", "bob"), x)),
            ("/control", Location::Control),
            ("/timezones", Location::Timezones),
            ("/timezones/x", Location::Nowhere),
            ("/addressbooks/", Location::Nowhere),
        ] {
            let path = DavPath::parse(path).unwrap();
            assert_eq!(locate(path.segments()), location, "{path}");
        }
    }
}
