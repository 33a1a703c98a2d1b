//! A plugin for tests: knows everybody by the field `x-token`, and lets the gateway reuse what it decided.

use std::cell::Cell;

use witgate_plugin::prelude::*;

/// Which decisions may be reused, and what else it does.
#[config]
#[derive(Default)]
#[serde(default)]
struct Settings {
    /// In seconds since 1970.
    valid_from: u64,
    valid_to: u64,
    most: u32,
    /// Edits the path.
    moves: bool,
    /// Answers by itself.
    replies: bool,
    /// Fails when all else is done.
    fails: bool,
}

struct Regular {
    settings: Settings,
    calls: Cell<u32>,
}

#[policy]
impl Policy for Regular {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            settings,
            calls: Cell::default(),
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        let settings = &self.settings;
        self.calls.set(self.calls.get() + 1);
        request.set_header("x-call", self.calls.get().to_string())?;
        if let Some(token) = request.header("x-token") {
            let who = Identity::new(IdentityFields {
                scheme: String::from("test"),
                subject: Some(token),
                ..IdentityFields::default()
            })?;
            request.set_identity(&who)?;
        }
        request.remove_header("x-token")?;
        if settings.moves {
            request.set_path("/elsewhere")?;
        }
        request.reuse(
            "x-token",
            settings.valid_from..settings.valid_to,
            settings.most,
        )?;
        if settings.fails {
            return Err("it fails".into());
        }
        Ok(if settings.replies {
            Reply::new(204).into()
        } else {
            Verdict::Next
        })
    }
}
