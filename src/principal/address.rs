//! Calendar user addresses as text (RFC 6638 §2.4.1): one spelling for each, so that they can be
//! compared and used as keys. Which record an address belongs to is the directory's business.

use std::borrow::Cow;

/// The one spelling of an address: `mailto:` in lower case without escapes of plain characters,
/// `urn:uuid:`, `urn:x-uid:` with a lower-case scheme, URLs and paths without trailing slash.
pub fn normalise_address(address: &str) -> String {
    spelling(address).into_owned()
}

/// The same, without a copy of what is spelled so already, as stored data are.
pub(super) fn spelling(address: &str) -> Cow<'_, str> {
    let address = address.trim();
    if address.starts_with("urn:x-uid:") || address.starts_with("urn:uuid:") {
        return Cow::Borrowed(address);
    }
    Cow::Owned(spelled(address))
}

fn spelled(address: &str) -> String {
    if let Some(mailbox) = strip_scheme(address, "mailto:") {
        let mailbox = mailbox.split('?').next().unwrap_or_default();
        let decoded = percent_encoding::percent_decode_str(mailbox).decode_utf8_lossy();
        return format!("mailto:{}", decoded.trim().to_lowercase());
    }
    for scheme in ["urn:uuid:", "urn:x-uid:"] {
        if let Some(rest) = strip_scheme(address, scheme) {
            return format!("{scheme}{rest}");
        }
    }
    for scheme in ["http://", "https://"] {
        if let Some(rest) = strip_scheme(address, scheme) {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            return format!("{scheme}{}{}", host.to_ascii_lowercase(), path.trim_end_matches('/'));
        }
    }
    if address.starts_with('/') {
        let trimmed = address.trim_end_matches('/');
        return if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() };
    }
    address.to_owned()
}

/// Whether two spellings are the same address. GUIDs compare without regard to case.
pub fn same_address(one: &str, other: &str) -> bool {
    let (one, other) = (normalise_address(one), normalise_address(other));
    one == other || (one.starts_with("urn:") && one.eq_ignore_ascii_case(&other))
}

/// The mailbox of a `mailto:` address, in lower case.
pub fn mailbox_of(address: &str) -> Option<String> {
    normalise_address(address).strip_prefix("mailto:").map(str::to_owned)
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let head = text.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
}

#[cfg(test)]
mod tests {
    use super::{mailbox_of, normalise_address, same_address};

    #[test]
    fn one_spelling_for_each_address() {
        for (text, normal) in [
            ("MAILTO:Alice@Example.COM", "mailto:alice@example.com"),
            ("mailto:alice%40example.com", "mailto:alice@example.com"),
            ("mailto:alice@example.com?subject=x", "mailto:alice@example.com"),
            ("URN:UUID:AbC", "urn:uuid:AbC"),
            ("urn:X-UID:AbC", "urn:x-uid:AbC"),
            ("/principals/users/alice/", "/principals/users/alice"),
            ("HTTPS://Cal.Example.com/principals/A/", "https://cal.example.com/principals/A"),
            ("http://Cal.Example.com", "http://cal.example.com"),
            ("/", "/"),
            (" tel:+1 ", "tel:+1"),
            ("", ""),
            ("é", "é"),
        ] {
            assert_eq!(normalise_address(text), normal, "{text}");
            assert_eq!(normalise_address(normal), normal, "{text}");
        }
        assert!(same_address("urn:uuid:ab-CD", "URN:UUID:AB-cd"));
        assert!(!same_address("mailto:a@b", "mailto:a@c"));
        assert_eq!(mailbox_of("MAILTO:A@b").as_deref(), Some("a@b"));
        assert_eq!(mailbox_of("urn:uuid:1"), None);
    }
}
