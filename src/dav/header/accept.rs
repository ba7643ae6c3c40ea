//! `Accept` (RFC 9110 §12.5.1): media ranges with weights.

use super::field;
use crate::dav::{Request, Result};

/// The media types a client can read. Without the field it reads everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accept {
    ranges: Vec<Range>,
}

#[derive(Clone, Debug, PartialEq)]
struct Range {
    main: String,
    sub: String,
    /// Thousandths.
    weight: u16,
}

impl Accept {
    /// The field of a request. Ranges that cannot be read are passed over, as HTTP asks.
    pub fn of(request: &Request) -> Result<Self> {
        Ok(Self::parse(&field(request, "accept")?.unwrap_or_default()))
    }

    /// Reads the value.
    pub fn parse(text: &str) -> Self {
        Self { ranges: text.split(',').filter_map(parse_range).collect() }
    }

    /// How much the client likes a media type, in thousandths; 0 means not at all.
    pub fn weight(&self, media_type: &str) -> u16 {
        if self.ranges.is_empty() {
            return 1000;
        }
        let (main, sub) = media_type.split_once('/').unwrap_or((media_type, ""));
        let matching = self.ranges.iter().filter_map(|range| {
            let exact = range.main.eq_ignore_ascii_case(main);
            match (range.main.as_str(), range.sub.as_str()) {
                (_, known) if exact && known.eq_ignore_ascii_case(sub) => Some((2, range.weight)),
                (_, "*") if exact => Some((1, range.weight)),
                ("*", "*") => Some((0, range.weight)),
                _ => None,
            }
        });
        // The most specific range decides.
        matching.max_by_key(|(precise, _)| *precise).map_or(0, |(_, weight)| weight)
    }

    /// The best of what the server offers, in the server's order where the client does not care;
    /// `None` when it can read none of them.
    pub fn best<'a>(&self, offers: &[&'a str]) -> Option<&'a str> {
        let mut best: Option<(&'a str, u16)> = None;
        for offer in offers {
            let weight = self.weight(offer);
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((offer, weight));
            }
        }
        best.map(|(offer, _)| offer)
    }

    /// Whether a special form is wanted, and not merely suffered: the field names its very type and
    /// likes it better than what is served else, or as much without naming that too.
    pub fn prefers(&self, special: &str, usual: &str) -> bool {
        let (special_weight, usual_weight) = (self.weight(special), self.weight(usual));
        self.names(special)
            && (special_weight > usual_weight
                || (special_weight == usual_weight && !self.names(usual)))
    }

    fn names(&self, media_type: &str) -> bool {
        let (main, sub) = media_type.split_once('/').unwrap_or((media_type, ""));
        self.ranges.iter().any(|range| {
            range.weight > 0
                && range.main.eq_ignore_ascii_case(main)
                && range.sub.eq_ignore_ascii_case(sub)
        })
    }
}

fn parse_range(text: &str) -> Option<Range> {
    let mut parts = text.split(';');
    let (main, sub) = parts.next()?.trim().split_once('/')?;
    if main.is_empty() || sub.is_empty() {
        return None;
    }
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
    });
    Some(Range { main: main.into(), sub: sub.into(), weight: weight.unwrap_or(1000) })
}

/// `0.5` → 500; what is no weight counts as 1.
fn thousandths(text: &str) -> u16 {
    match text.parse::<f32>() {
        // The cast saturates and the value is at most 1000.
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1000.0).round() as u16,
        _ => 1000,
    }
}
