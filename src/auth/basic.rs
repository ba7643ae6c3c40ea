//! Basic credentials (RFC 7617): the text of the header, nothing else.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The usual alphabet; whoever leaves the padding out is understood all the same.
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A name and a password, as a client sent them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

/// Reads what follows `Basic `. Older clients send Latin-1 instead of UTF-8.
pub fn parse(token: &str) -> Option<Credentials> {
    let token = token.trim().trim_end_matches('=');
    let bytes = UNPADDED.decode(token).ok()?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
    };
    let (name, password) = text.split_once(':')?;
    if text.chars().any(|c| c.is_control()) {
        return None;
    }
    Some(Credentials { name: name.to_owned(), password: password.to_owned() })
}

/// The challenge.
pub fn challenge(realm: &str) -> String {
    format!("Basic realm=\"{realm}\", charset=\"UTF-8\"")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_clients_send() {
        for (token, expected) in [
            ("QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
            ("QWxhZGRpbjpvcGVuIHNlc2FtZQ", Some(("Aladdin", "open sesame"))),
            ("dGVzdDoxMjPCow==", Some(("test", "123£"))),
            ("dGVzdDoxMjOj", Some(("test", "123£"))),
            ("YTpiOmM=", Some(("a", "b:c"))),
            ("Og==", Some(("", ""))),
            ("YQ==", None),
            ("YToK", None),
            ("a", None),
            ("***", None),
            ("", None),
        ] {
            let found = parse(token);
            let found = found.as_ref().map(|c| (c.name.as_str(), c.password.as_str()));
            assert_eq!(found, expected, "{token}");
        }
    }
}
