//! placeholder
use super::*;
#[derive(Debug)]
pub struct Outcome {}
#[derive(Debug)]
pub struct Reloader {}
