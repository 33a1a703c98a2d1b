//! A plugin for tests: waits as long as its configuration says, with the standard library's own `sleep`.

use std::time::Duration;

use witgate_plugin::prelude::*;

#[config]
struct Sleeper {
    /// Milliseconds to wait in each phase.
    sleep: u64,
}

#[policy]
impl Policy for Sleeper {
    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        println!("sleeping for {} ms", self.sleep);
        std::thread::sleep(Duration::from_millis(self.sleep));
        request.set_header("x-slept", self.sleep.to_string())?;
        Ok(Verdict::Next)
    }

    fn on_request_body(&self, _: &mut Request, chunk: Chunk) -> Result<BodyAction> {
        std::thread::sleep(Duration::from_millis(self.sleep));
        Ok(BodyAction::Replace(chunk.bytes.to_ascii_uppercase()))
    }

    fn on_end(&self, _: &Summary) {
        std::thread::sleep(Duration::from_millis(self.sleep));
        println!("the end");
    }
}
