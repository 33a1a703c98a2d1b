//! From files to raw values, with every problem at its place.

pub mod problem;
pub mod raw;
pub mod span;
