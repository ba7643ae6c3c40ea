//! Queries of request targets as forms write them: `name=value` pairs joined by `&`.

use percent_encoding::percent_decode_str;

/// Pairs of one query that are read.
const PAIRS_MAX: usize = 100;

/// The decoded pairs in order; a name without `=` has an empty value.
pub fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts
        .take(PAIRS_MAX)
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn reads_pairs() {
        let read = |text| -> Vec<String> {
            pairs(Some(text)).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        assert_eq!(read("a=1&b&&c=x%20y+z&a=%C3%A4"), ["a=1", "b=", "c=x y z", "a=ä"]);
        assert!(pairs(None).is_empty());
    }
}
