//! The one integration binary: everything that needs the real server, its binary or the tree.

mod tidy;
