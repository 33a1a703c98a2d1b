//! The head of a response.

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
}
