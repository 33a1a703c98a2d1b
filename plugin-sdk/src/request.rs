//! The head of a request.

use crate::{EditError, backend};

/// The head of the request, as routing saw it: normalised once, the very bytes that the upstream gets.
///
/// Edits are seen by later calls at once, and carried out when the phase returns `Ok`.
pub struct Request<'a> {
    handle: &'a backend::Request,
}

impl<'a> Request<'a> {
    #[doc(hidden)]
    pub fn from_handle(handle: &'a backend::Request) -> Self {
        Self { handle }
    }

    pub fn method(&self) -> String {
        self.handle.method()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> String {
        self.handle.scheme()
    }

    /// Host in lower case, with its port if it had one.
    pub fn authority(&self) -> String {
        self.handle.authority()
    }

    /// Percent-encoded; always begins with `/`.
    pub fn path(&self) -> String {
        self.handle.path()
    }

    /// Without the `?`.
    pub fn query(&self) -> Option<String> {
        self.handle.query()
    }

    /// All values of a field joined with `, ` (RFC 9110 section 5.2), bytes beyond UTF-8 as U+FFFD.
    pub fn header(&self, name: &str) -> Option<String> {
        self.handle.header(name).map(backend::text)
    }

    /// All values of a field joined with `, `, byte by byte.
    pub fn header_bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.handle.header(name)
    }

    /// Each value of a field by itself, in the order received.
    pub fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
        self.handle.header_values(name)
    }

    /// Every field, names in lower case. Dearer than asking for the ones you need.
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        self.handle.headers()
    }

    /// Replaces all values of a field.
    pub fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), EditError> {
        backend::edited(self.handle.set_header(name, value.as_ref()))
    }

    /// Adds a value beside those that are there.
    pub fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), EditError> {
        backend::edited(self.handle.append_header(name, value.as_ref()))
    }

    /// Removes all values of a field; no error if there are none.
    pub fn remove_header(&mut self, name: &str) -> Result<(), EditError> {
        backend::edited(self.handle.remove_header(name))
    }

    pub fn set_method(&mut self, method: &str) -> Result<(), EditError> {
        backend::edited(self.handle.set_method(method))
    }

    /// Path and query, as in `/a/b?c=d`. Routing is not done again.
    pub fn set_path(&mut self, path_and_query: &str) -> Result<(), EditError> {
        backend::edited(self.handle.set_path(path_and_query))
    }

    /// A trailer field; there only once the body has ended.
    pub fn trailer(&self, name: &str) -> Option<String> {
        self.handle.trailer(name).map(backend::text)
    }

    /// The client's address, after trusted proxies have been taken into account.
    pub fn client_address(&self) -> String {
        self.handle.client_address()
    }

    /// The id of this exchange, as in the access log and `x-request-id`.
    pub fn id(&self) -> String {
        self.handle.id()
    }

    /// The name of the route that matched.
    pub fn route(&self) -> String {
        self.handle.route()
    }
}
