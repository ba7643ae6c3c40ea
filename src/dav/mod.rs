//! The vocabulary of RFC 4918: types that parse and print and do nothing else.
//!
//! Must not know the store, the network library or any calendar semantics.

pub mod error;
pub mod etag;
pub mod header;
pub mod href;
pub mod kind;
pub mod method;
pub mod name;
pub mod path;
pub mod query;
pub mod request;
pub mod response;
pub mod sync_token;

pub use error::{Error, Precondition, Result};
pub use etag::ETag;
pub use href::HrefError;
pub use kind::ResourceKind;
pub use method::Method;
pub use name::Name;
pub use path::DavPath;
pub use request::Request;
pub use response::{Body, Response};
pub use sync_token::SyncToken;
