//! Who asks (RFC 7235): from a request's credentials to an [`Actor`], or to a challenge.
//!
//! `authenticator` holds the order of the schemes; each scheme and each back end is one file.
//! Nothing here decides what an actor may do: that is `acl`.

pub mod actor;
pub mod app_password;
pub mod authenticator;
pub mod basic;
pub mod cache;
pub mod digest;
pub mod htpasswd;
pub mod ldap;
pub mod oidc;
pub mod options;
pub mod others;
pub mod password;
pub mod throttle;
pub mod vouched;

pub use actor::Actor;
pub use authenticator::Authenticator;
pub use options::{Options, RemoteUser};
