//! Greets the upstream.

use witgate_plugin::prelude::*;

/// Greets the upstream.
#[config]
struct Greeter {
    /// Value of the `x-greeting` header.
    greeting: String,
}

#[policy]
impl Policy for Greeter {
    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        if request.header("x-quiet").is_none() {
            request.set_header("x-greeting", &self.greeting)?;
        }
        Ok(Verdict::Next)
    }
}
