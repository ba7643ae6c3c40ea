//! How the client reached us: directly, or through a reverse proxy that we were told to trust.
//!
//! X-Forwarded-* fields of anybody else are ignored: they would choose the address that is
//! throttled and the URLs that are written into answers.

use std::net::IpAddr;

use http::HeaderMap;

use super::Transport;
use crate::dav::request::Origin;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer {
    /// Its address; absent on a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether the connection itself is encrypted.
    pub tls: bool,
}

/// The client's view of this server, from the peer, the request's authority and what a trusted
/// proxy adds.
pub(super) fn origin(
    transport: &Transport,
    peer: Peer,
    authority: String,
    headers: &HeaderMap,
) -> Origin {
    let peer_address = peer.address.map(|address| address.to_canonical());
    let trusts = |peer| transport.trusted.iter().any(|network| network.contains(peer));
    let mut origin = Origin {
        scheme: if peer.tls { "https" } else { "http" }.to_owned(),
        authority,
        prefix: transport.prefix.clone(),
        client: peer_address,
        peer: peer_address,
    };
    if !trusts(peer_address) {
        return origin;
    }
    // Each proxy appends the peer it saw: the client is the last one that is no proxy of ours.
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let mut hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
    while let Some(hop) = hops.pop() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        origin.client = Some(address.to_canonical());
        if !trusts(origin.client) {
            break;
        }
    }
    if let Some(scheme) = last(headers, "x-forwarded-proto")
        && (scheme == "http" || scheme == "https")
    {
        scheme.clone_into(&mut origin.scheme);
    }
    if let Some(host) = last(headers, "x-forwarded-host").filter(|host| is_authority(host)) {
        host.clone_into(&mut origin.authority);
    }
    if let Some(prefix) = last(headers, "x-forwarded-prefix").filter(|prefix| is_prefix(prefix)) {
        prefix.trim_end_matches('/').clone_into(&mut origin.prefix);
    }
    origin
}

/// The value that the nearest proxy wrote.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    Some(value.rsplit(',').next().unwrap_or(value).trim())
}

/// Whether a text may stand between `//` and the path of a URL.
pub(super) fn is_authority(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(&byte);
    !text.is_empty() && text.len() <= 300 && text.bytes().all(allowed)
}

fn is_prefix(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%@".contains(&byte);
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::{Peer, origin};
    use crate::config::Config;
    use crate::http::Transport;

    fn transport(trusted: &[&str]) -> Transport {
        let mut config = Config::default();
        config.server.prefix = "/dav".to_owned();
        config.server.trusted_proxies = trusted.iter().map(|&text| text.to_owned()).collect();
        Transport::from(&config)
    }

    /// `scheme authority prefix client` as seen from `peer` with these fields.
    fn seen(trusted: &[&str], peer: &str, fields: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let peer = Peer { address: peer.parse().ok(), tls: false };
        let origin = origin(&transport(trusted), peer, "host:1".to_owned(), &headers);
        let client = origin.client.map(|ip| ip.to_string()).unwrap_or_default();
        format!("{} {} {} {client}", origin.scheme, origin.authority, origin.prefix)
    }

    #[test]
    fn believes_only_proxies_it_was_told_of() {
        let all = [
            ("x-forwarded-for", "9.9.9.9, 7.7.7.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "cal.example.com"),
            ("x-forwarded-prefix", "/cal/"),
        ];
        let near = ["10.0.0.0/8", "::1", "unix"];
        for (trusted, peer, fields, expected) in [
            (&near[..0], "10.0.0.2", &all[..], "http host:1 /dav 10.0.0.2"),
            (&near[..], "11.0.0.2", &all[..], "http host:1 /dav 11.0.0.2"),
            (&near[..], "10.0.0.2", &all[..], "https cal.example.com /cal 7.7.7.7"),
            (&near[..], "::ffff:10.0.0.2", &all[..], "https cal.example.com /cal 7.7.7.7"),
            (&near[..], "::1", &all[1..2], "https host:1 /dav ::1"),
            (&near[..], "", &all[..1], "http host:1 /dav 7.7.7.7"),
            (
                &near[..],
                "10.0.0.2",
                &[("x-forwarded-for", "9.9.9.9, 10.0.0.3")],
                "http host:1 /dav 9.9.9.9",
            ),
            (
                &near[..],
                "10.0.0.2",
                &[("x-forwarded-for", "9.9.9.9, _hidden")],
                "http host:1 /dav 10.0.0.2",
            ),
            (&near[..], "10.0.0.2", &[("x-forwarded-host", "a/b\"")], "http host:1 /dav 10.0.0.2"),
            (
                &near[..],
                "10.0.0.2",
                &[("x-forwarded-prefix", "//evil")],
                "http host:1 /dav 10.0.0.2",
            ),
        ] {
            assert_eq!(seen(trusted, peer, fields), expected, "{peer} {fields:?}");
        }
    }
}
