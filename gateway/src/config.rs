//! From files to raw values, with every problem at its place.

mod document;
mod load;
pub mod problem;
pub mod raw;
pub mod schema;
pub mod secret;
pub mod span;
pub mod watch;

pub use load::{Loaded, Source, compare_paths, load, load_again};
