//! Does nothing: what a component in a chain costs by itself.

use witgate_plugin::prelude::*;

/// Nothing to configure.
#[config]
struct Noop {}

#[policy]
impl Policy for Noop {
    fn on_request(&self, _: &mut Request) -> Result<Verdict> {
        Ok(Verdict::Next)
    }
}
