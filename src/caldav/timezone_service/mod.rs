//! The two time-zone services, as pure functions from a query to an answer: the older one of the
//! reference system (`/timezones`, `classic`) and RFC 7808 (`/stdtimezones`, `standard`).

pub mod classic;
pub mod standard;

/// Values of one query parameter: absent, once or more than once.
fn values<'a>(query: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

#[cfg(test)]
mod tests;
