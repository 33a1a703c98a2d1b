//! Stands in for the crate of this name in the workspace's plugins.
//!
//! On wasm32-unknown-unknown some crates (jsonwebtoken among them) take JavaScript for granted and ask it for the
//! time. A plugin has no JavaScript, and a component that imports its glue is none. So the gateway's clock answers;
//! what else they might want of JavaScript is missing at compile time, not at run time.

use witgate_plugin::clock;

/// A moment.
pub struct Date {
    millis: f64,
}

impl Date {
    /// Now; needs the grant `clock`.
    pub fn new_0() -> Self {
        Self {
            millis: clock::now().as_millis() as f64,
        }
    }

    /// Milliseconds since 1970.
    pub fn get_time(&self) -> f64 {
        self.millis
    }
}
