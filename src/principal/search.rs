//! Searching the directory (RFC 3744 §9.4 and Apple's extensions of it).

use std::sync::Arc;

use super::address::normalise_address;
use super::directory::Directory;
use super::record::{Record, RecordType};

/// A searchable property of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `DAV:displayname`.
    DisplayName,
    /// `CS:first-name`.
    FirstName,
    /// `CS:last-name`.
    LastName,
    /// `CS:email-address-set`.
    EmailAddress,
    /// `CALDAV:calendar-user-type`.
    CalendarUserType,
    /// `CALDAV:calendar-user-address-set`.
    CalendarUserAddress,
    /// The short names (`CS:record-name`).
    ShortName,
}

/// How a text must match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchType {
    /// Anywhere.
    #[default]
    Contains,
    /// At the beginning.
    StartsWith,
    /// Exactly.
    Equals,
}

/// One condition of a search: any of the fields matches.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// Where to look.
    pub fields: Vec<Field>,
    /// What for.
    pub text: String,
    /// How.
    pub match_type: MatchType,
    /// Whether letter case counts.
    pub case_sensitive: bool,
}

/// A whole search.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The conditions; without any, nothing is found.
    pub criteria: Vec<Criterion>,
    /// Whether one condition is enough.
    pub any: bool,
    /// Only these types; empty for all.
    pub types: Vec<RecordType>,
}

impl Directory {
    /// The records that a search finds, at most `limit`; the flag says whether there were more.
    pub fn search(&self, search: &Search, limit: usize) -> (Vec<&Arc<Record>>, bool) {
        if search.criteria.is_empty() {
            return (Vec::new(), false);
        }
        let criteria: Vec<Prepared<'_>> = search.criteria.iter().map(Prepared::new).collect();
        let wanted = |record: &&Arc<Record>| {
            (search.types.is_empty() || search.types.contains(&record.record_type))
                && if search.any {
                    criteria.iter().any(|criterion| criterion.matches(self, record))
                } else {
                    criteria.iter().all(|criterion| criterion.matches(self, record))
                }
        };
        let mut found = self.all().filter(wanted);
        let first: Vec<_> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        (first, more)
    }
}

/// A criterion whose text was folded once.
struct Prepared<'a> {
    criterion: &'a Criterion,
    folded: String,
}

impl<'a> Prepared<'a> {
    fn new(criterion: &'a Criterion) -> Self {
        Self { criterion, folded: criterion.text.to_lowercase() }
    }

    fn matches(&self, directory: &Directory, record: &Record) -> bool {
        self.criterion.fields.iter().any(|field| match field {
            Field::DisplayName => self.text(&record.full_name),
            Field::FirstName => record.first_name.as_deref().is_some_and(|name| self.text(name)),
            Field::LastName => record.last_name.as_deref().is_some_and(|name| self.text(name)),
            Field::EmailAddress => record.emails.iter().any(|mail| self.text(mail)),
            Field::ShortName => record.short_names.iter().any(|name| self.text(name)),
            Field::CalendarUserType => self.text(record.record_type.calendar_user_type()),
            Field::CalendarUserAddress => {
                let wanted = normalise_address(&self.criterion.text);
                directory.addresses_of(record).iter().any(|address| {
                    self.text(address)
                        || (self.criterion.match_type == MatchType::Equals
                            && normalise_address(address) == wanted)
                })
            }
        })
    }

    fn text(&self, text: &str) -> bool {
        let compare = |text: &str, wanted: &str| match self.criterion.match_type {
            MatchType::Contains => text.contains(wanted),
            MatchType::StartsWith => text.starts_with(wanted),
            MatchType::Equals => text == wanted,
        };
        if self.criterion.case_sensitive {
            compare(text, &self.criterion.text)
        } else {
            compare(&text.to_lowercase(), &self.folded)
        }
    }
}
