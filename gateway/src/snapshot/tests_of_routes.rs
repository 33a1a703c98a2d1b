//! placeholder
#[derive(Debug)]
pub(super) struct Test {}
