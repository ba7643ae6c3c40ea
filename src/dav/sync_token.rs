//! Sync tokens (RFC 6578 §6.2) as clients see them: `data:,EPOCH_NUMBER`, a valid URI that nobody
//! will try to fetch.

use std::fmt;

/// A point in the history of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SyncToken {
    /// Which history: a rebuilt index begins a new one.
    pub epoch: u64,
    /// How many changes it had.
    pub number: u64,
}

impl SyncToken {
    /// Reads a token; `None` for anything this server did not write.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, number) = text.trim().strip_prefix("data:,")?.split_once('_')?;
        let plain = |digits: &str| !digits.is_empty() && !digits.starts_with('+');
        if !plain(epoch) || !plain(number) {
            return None;
        }
        Some(Self { epoch: u64::from_str_radix(epoch, 16).ok()?, number: number.parse().ok()? })
    }
}

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data:,{:016x}_{}", self.epoch, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::SyncToken;

    #[test]
    fn round_trips_and_refuses_strangers() {
        let token = SyncToken { epoch: 0xabc, number: 42 };
        assert_eq!(token.to_string(), "data:,0000000000000abc_42");
        assert_eq!(SyncToken::parse(" data:,0000000000000abc_42\n"), Some(token));
        for text in [
            "",
            "data:,",
            "data:,_",
            "data:,1",
            "data:,g_1",
            "data:,1_-1",
            "data:,1_+1",
            "http://x/1_1",
            "data:,1_99999999999999999999",
            "data:,1_1_1",
        ] {
            assert_eq!(SyncToken::parse(text), None, "{text}");
        }
    }
}
