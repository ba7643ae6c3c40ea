//! XML bodies (RFC 4918 §8.2, §17): a checked tree reader, a writer that escapes once, and the
//! typed request bodies. Must not know the store, resources or what a property means.

pub mod element;
pub mod error_body;
pub mod multistatus;
pub mod reader;
pub mod request;
mod syntax;
pub mod writer;

pub use element::{Attribute, Element, Node};
pub use error_body::error_body;
pub use multistatus::Multistatus;
pub use reader::{XmlError, parse};
pub use syntax::is_ncname;
pub use writer::Writer;

/// The media type of every XML answer.
pub const MEDIA_TYPE: &str = "text/xml; charset=utf-8";

#[cfg(test)]
mod tests;
