//! Which route answers a request, and what routes do to heads.
//!
//! A route's `match` is compiled into [`Rule`]s, one for each host it names. The [`Table`] holds them in the order
//! of [`precedence`]: a map of hosts, and for each host a map of whole paths, a list of regular expressions and a
//! trie of segments. Tables are persistent: a clone shares everything with its original until one of the two
//! changes, so a reload costs what it changes.

pub mod cors;
pub mod explain;
pub mod headers;
pub mod precedence;
pub mod redirect;
pub mod respond;
pub mod rewrite;

mod candidates;
mod expression;
mod grpc;
mod host;
mod host_table;
mod matches;
mod overlap;
mod path;
mod pattern;
mod predicate;
mod report;
mod rule;
mod shared;
mod table;
mod target;
mod trie;

pub use headers::HeaderEdit;
pub use host::HostPattern;
pub use matches::compile as compile_matches;
pub use path::canonical;
pub use pattern::{Captures, PathPattern};
pub use redirect::Redirect;
pub use report::{Invalid, Report};
pub use respond::Respond;
pub use rewrite::Rewrite;
pub use rule::{RequestView, Rule, Unmet};
pub use shared::{CowMap, CowVec, Keyed};
pub use table::{Conflict, Found, NoRoute, RouteIndex, Table};
pub use target::Wanted;

#[cfg(test)]
mod tests;
