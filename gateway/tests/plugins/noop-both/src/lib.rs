//! Does nothing, on the way in and on the way out: what a chain costs by itself.

use witgate_plugin::prelude::*;

/// Nothing to configure.
#[config]
struct Noop {}

#[policy]
impl Policy for Noop {
    fn on_request(&self, _: &mut Request) -> Result<Verdict> {
        Ok(Verdict::Next)
    }

    fn on_response(&self, _: &mut Response) -> Result<ResponseVerdict> {
        Ok(ResponseVerdict::Next)
    }
}
