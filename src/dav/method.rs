//! The methods the server knows (RFC 9110, 4918, 3744, 3253, 4791).

use std::fmt;

macro_rules! methods {
    ($($variant:ident $text:literal $clause:literal),* $(,)?) => {
        /// A request method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Method { $(#[doc = $clause] $variant,)* }

        impl Method {
            /// Every method, in the order in which `Allow` lists them.
            pub const ALL: &'static [Method] = &[$(Method::$variant),*];

            /// Reads the method token; methods are case-sensitive (RFC 9110 §9.1).
            pub fn parse(token: &str) -> Option<Self> {
                match token { $($text => Some(Method::$variant),)* _ => None }
            }

            /// The token.
            pub fn as_str(self) -> &'static str {
                match self { $(Method::$variant => $text,)* }
            }
        }
    };
}

methods! {
    Options "OPTIONS" "RFC 9110 §9.3.7",
    Get "GET" "RFC 9110 §9.3.1",
    Head "HEAD" "RFC 9110 §9.3.2",
    Post "POST" "RFC 9110 §9.3.3, RFC 5995, RFC 6638 §5",
    Put "PUT" "RFC 9110 §9.3.4",
    Delete "DELETE" "RFC 4918 §9.6",
    Propfind "PROPFIND" "RFC 4918 §9.1",
    Proppatch "PROPPATCH" "RFC 4918 §9.2",
    Mkcol "MKCOL" "RFC 4918 §9.3, RFC 5689",
    Mkcalendar "MKCALENDAR" "RFC 4791 §5.3.1",
    Copy "COPY" "RFC 4918 §9.8",
    Move "MOVE" "RFC 4918 §9.9",
    Lock "LOCK" "RFC 4918 §9.10",
    Unlock "UNLOCK" "RFC 4918 §9.11",
    Report "REPORT" "RFC 3253 §3.6",
    Acl "ACL" "RFC 3744 §8.1",
    Schedule "SCHEDULE" "drafts of RFC 6638; nothing has it any more",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
