//! May they (RFC 3744)? Pure functions over ACEs: no files, no clock, no request.
//!
//! `privilege` is the tree of privileges, `required` THE table of what a method needs, `default`
//! the ACL of a resource that nobody gave one, `inherit` puts own and inherited ACEs together,
//! `evaluate` decides, `change` is what the ACL method may do, `text` is the XML form.

pub mod ace;
pub mod change;
pub mod default;
pub mod evaluate;
pub mod inherit;
pub mod privilege;
pub mod required;
pub mod text;
pub mod view;

pub use ace::{Ace, AcePrincipal, PrincipalKey};
pub use default::{Policy, default_acl};
pub use evaluate::{granted, need_privileges};
pub use inherit::{Link, Withheld, effective};
pub use privilege::{Privilege, PrivilegeSet, supported};
pub use required::{Need, Rule, required};
pub use view::{ActorView, ResourceView};
