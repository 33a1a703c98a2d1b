//! From files to a snapshot.
use std::sync::Arc;

use super::{Inputs, Snapshot};
use crate::config::problem::Problem;

/// Compiles everything that changed since `previous`.
///
/// # Errors
/// Every problem of every file.
pub fn compile(
    _inputs: &Inputs,
    _previous: Option<&Arc<Snapshot>>,
) -> Result<Snapshot, Vec<Problem>> {
    Err(Vec::new())
}
