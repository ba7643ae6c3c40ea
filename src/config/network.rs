//! Addresses and networks as they stand in the configuration: `unix`, `ADDRESS`, `ADDRESS/BITS`.

use std::net::IpAddr;

/// An address or network that is believed more than others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// Peers on a Unix socket.
    Unix,
    /// Peers whose first `bits` bits are those of the address.
    Ip(IpAddr, u8),
}

impl Network {
    /// Reads `unix`, `ADDRESS` or `ADDRESS/BITS`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let wrong = || format!("{text:?} is neither \"unix\" nor ADDRESS nor ADDRESS/BITS");
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|&bits| bits <= width).ok_or_else(wrong)?,
            None => width,
        };
        Ok(Self::Ip(address, bits))
    }

    /// Reads a list that `Config` has checked.
    pub fn parse_all(texts: &[String]) -> Vec<Self> {
        texts.iter().filter_map(|text| Self::parse(text).ok()).collect()
    }

    /// Whether a peer is meant; a peer without address is one on a Unix socket.
    pub fn contains(&self, peer: Option<IpAddr>) -> bool {
        match (self, peer) {
            (Self::Unix, None) => true,
            (Self::Ip(IpAddr::V4(network), bits), Some(IpAddr::V4(peer))) => {
                let shift = 32 - u32::from(*bits);
                (network.to_bits() ^ peer.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            (Self::Ip(IpAddr::V6(network), bits), Some(IpAddr::V6(peer))) => {
                let shift = 128 - u32::from(*bits);
                (network.to_bits() ^ peer.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn reads_networks() {
        for text in ["unix", "10.0.0.0/0", "::1/128", "1.2.3.4"] {
            assert!(Network::parse(text).is_ok(), "{text}");
        }
        for text in ["", "1.2.3.4/33", "host", "::1/129", "1.2.3.4/"] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }
}
