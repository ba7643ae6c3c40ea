//! Any request target: refused, or a path that its own href names again and that holds nothing a
//! file system could take for a step elsewhere.
#![no_main]

use daybook::dav::request::Origin;
use daybook::dav::{DavPath, SyncToken, query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let origin = Origin {
        scheme: "https".to_owned(),
        authority: "cal.example.com".to_owned(),
        prefix: "/dav".to_owned(),
        ..Origin::default()
    };
    for path in [DavPath::parse(text).ok(), origin.path_of(text).ok()].into_iter().flatten() {
        for segment in path.segments() {
            assert!(!segment.is_empty() && segment != "." && segment != "..");
            assert!(!segment.contains('\0') && segment.len() <= 240);
        }
        assert_eq!(DavPath::parse(&path.href()), Ok(path.clone()));
        assert_eq!(origin.path_of(&format!("/dav{}", path.href())), Ok(path));
    }
    let _ = query::pairs(Some(text));
    let _ = SyncToken::parse(text);
});
