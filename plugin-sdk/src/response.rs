//! The head of a response.

use std::time::Duration;

use crate::{EditError, backend, fields::fields};

/// The head of the response, before it goes to the client. Edits work as those of a
/// [`Request`](crate::Request).
pub struct Response<'a> {
    handle: &'a backend::Response,
}

fields!(Response);

impl<'a> Response<'a> {
    #[doc(hidden)]
    pub fn from_handle(handle: &'a backend::Response) -> Self {
        Self { handle }
    }

    pub fn status(&self) -> u16 {
        self.handle.status()
    }

    /// 200 to 599.
    pub fn set_status(&mut self, status: u16) -> Result<(), EditError> {
        backend::edited(self.handle.set_status(status))
    }

    /// Replaces a trailer field; possible until the last body call returns.
    pub fn set_trailer(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), EditError> {
        backend::edited(self.handle.set_trailer(name, value.as_ref()))
    }

    pub fn remove_trailer(&mut self, name: &str) -> Result<(), EditError> {
        backend::edited(self.handle.remove_trailer(name))
    }

    /// In a body that this plugin takes part in: whenever nothing has come for so long (100 ms to a day) after the head
    /// went out, the gateway sends these bytes (1 to 1024) by itself, between two pieces. Possible in
    /// [`Policy::on_response`](crate::Policy::on_response).
    pub fn keep_alive(
        &mut self,
        after: Duration,
        bytes: impl AsRef<[u8]>,
    ) -> Result<(), EditError> {
        let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        backend::edited(self.handle.keep_alive(after, bytes.as_ref()))
    }
}
