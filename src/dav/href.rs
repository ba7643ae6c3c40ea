//! References that clients write into headers and bodies (RFC 4918 §8.3): absolute URLs of this
//! server or absolute paths, seen through the prefix of a reverse proxy.

use super::path::PathError;
use super::request::Origin;
use super::{DavPath, Error};

/// Why a reference is not a path of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HrefError {
    /// Another server, another scheme, or outside the prefix.
    #[error("the reference does not belong to this server")]
    Foreign,
    /// Not a reference RFC 4918 §8.3 allows.
    #[error("the reference is neither an absolute URL nor an absolute path")]
    Malformed,
    /// The path in it is none.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// 502 for what lies elsewhere (RFC 4918 §9.8.4), 400 for the rest.
impl From<HrefError> for Error {
    fn from(error: HrefError) -> Self {
        let status = if error == HrefError::Foreign { 502 } else { 400 };
        Error::status(status).because(error.to_string())
    }
}

impl Origin {
    /// Reads a reference a client wrote.
    pub fn path_of(&self, href: &str) -> Result<DavPath, HrefError> {
        let href = href.trim();
        if href.contains(['#', '?']) || href.contains(char::is_whitespace) {
            return Err(HrefError::Malformed);
        }
        let path = if href.starts_with("//") {
            return Err(HrefError::Malformed);
        } else if href.starts_with('/') {
            href
        } else {
            let (scheme, rest) = href.split_once("://").ok_or(match href.split_once(':') {
                Some((scheme, _)) if is_scheme(scheme) => HrefError::Foreign,
                _ => HrefError::Malformed,
            })?;
            let (authority, path) = match rest.find('/') {
                Some(at) => rest.split_at(at),
                None => (rest, "/"),
            };
            if !self.is_here(scheme, authority) {
                return Err(HrefError::Foreign);
            }
            path
        };
        let rest = path.strip_prefix(self.prefix.as_str()).ok_or(HrefError::Foreign)?;
        match rest {
            "" => Ok(DavPath::root()),
            _ if rest.starts_with('/') => Ok(DavPath::parse(rest)?),
            _ => Err(HrefError::Foreign),
        }
    }

    /// Behind a proxy that ends TLS the scheme we see and the one the client sees differ, so both
    /// are ours as long as host and port agree.
    fn is_here(&self, scheme: &str, authority: &str) -> bool {
        let known = |scheme: &str| ["http", "https"].iter().any(|s| s.eq_ignore_ascii_case(scheme));
        let theirs = bare_authority(scheme, authority);
        known(scheme)
            && [scheme, &self.scheme]
                .iter()
                .any(|scheme| bare_authority(scheme, &self.authority) == theirs)
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Lower case, without user and without the scheme's default port.
fn bare_authority(scheme: &str, authority: &str) -> String {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    host.strip_suffix(port).unwrap_or(&host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::HrefError;
    use crate::dav::request::Origin;

    fn read(prefix: &str, href: &str) -> Result<String, HrefError> {
        let origin = Origin {
            scheme: "http".into(),
            authority: "Cal.example.com:8008".into(),
            prefix: prefix.into(),
            ..Origin::default()
        };
        origin.path_of(href).map(|path| path.href())
    }

    #[test]
    fn reads_references_to_this_server() {
        for (prefix, href, path) in [
            ("", "/a/b.ics", "/a/b.ics"),
            ("", " /a%20b/ ", "/a%20b/"),
            ("", "http://cal.example.com:8008/a/", "/a/"),
            ("", "HTTPS://u@CAL.example.com:8008/a/", "/a/"),
            ("", "http://cal.example.com:8008", "/"),
            ("/dav", "/dav/a", "/a"),
            ("/dav", "/dav", "/"),
            ("/dav", "https://cal.example.com:8008/dav/a", "/a"),
        ] {
            assert_eq!(read(prefix, href).as_deref(), Ok(path), "{href}");
        }
        let bare = Origin { authority: "h".into(), scheme: "https".into(), ..Origin::default() };
        assert!(bare.path_of("https://h:443/").is_ok());
        assert!(bare.path_of("http://h:80/").is_ok());
        assert!(bare.path_of("http://h:443/").is_err());
    }

    #[test]
    fn refuses_references_elsewhere() {
        use HrefError::{Foreign, Malformed};
        for (prefix, href, error) in [
            ("", "http://other.example.com/a", Foreign),
            ("", "http://cal.example.com/a", Foreign),
            ("", "ftp://cal.example.com:8008/a", Foreign),
            ("", "mailto:a@example.com", Foreign),
            ("", "urn:uuid:1", Foreign),
            ("/dav", "/a", Foreign),
            ("/dav", "/davos/a", Foreign),
            ("", "//cal.example.com:8008/a", Malformed),
            ("", "a/b", Malformed),
            ("", "", Malformed),
            ("", "/a?b", Malformed),
            ("", "/a#b", Malformed),
            ("", "/a b", Malformed),
        ] {
            assert_eq!(read(prefix, href), Err(error), "{href}");
        }
        assert!(matches!(read("", "/a/../b"), Err(HrefError::Path(_))));
    }
}
