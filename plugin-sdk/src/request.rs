//! The head of a request.

use std::ops::Range;

use crate::{EditError, Identity, Peer, backend, fields::fields};

/// The head of the request, as routing saw it: normalised once, the very bytes that the upstream gets.
///
/// Edits are seen by later calls at once, and carried out when the phase returns `Ok`.
pub struct Request<'a> {
    handle: &'a backend::Request,
}

fields!(Request);

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

    pub fn set_method(&mut self, method: &str) -> Result<(), EditError> {
        backend::edited(self.handle.set_method(method))
    }

    /// Path and query, as in `/a/b?c=d`. Routing is not done again.
    pub fn set_path(&mut self, path_and_query: &str) -> Result<(), EditError> {
        backend::edited(self.handle.set_path(path_and_query))
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

    /// Who asks, if a plugin before this one, or this one, has established it.
    pub fn identity(&self) -> Option<Identity> {
        self.handle.identity().map(Identity::from_backend)
    }

    /// Establishes who asks, for the plugins that follow, limits, logs and the fields that `identity.headers` names. It
    /// replaces one that is there. Possible until the head has gone out.
    pub fn set_identity(&mut self, identity: &Identity) -> Result<(), EditError> {
        backend::edited(self.handle.set_identity(identity.backend()))
    }

    /// Lets the gateway reuse what this call decides, for requests of the same configuration that have the same value, byte
    /// for byte, in this field: in the place of a call it establishes the identity and makes the edits of fields that this
    /// call has staged so far, and goes on. For decisions that hang on nothing but that value; make it the last thing that
    /// the call does.
    ///
    /// It counts when the call ends with [`Verdict::Next`](crate::Verdict::Next) and without a state; for `valid`, in
    /// seconds since 1970; and no longer than every key set, and `witgate.yaml` with the secrets and files that it declares,
    /// stay as they are. Each worker stores at most so many such decisions of the configuration; there can be fewer.
    /// Without effect when the field arrived more than once or not at all, after an edit of method or path, in a plugin
    /// that takes part in responses, bodies or ends, and under `isolation: exchange`.
    pub fn reuse(&self, field: &str, valid: Range<u64>, most: u32) -> Result<(), EditError> {
        backend::edited(self.handle.reuse(field, valid.start, valid.end, most))
    }

    /// The certificate of the client, on a listener that asks for one.
    pub fn peer(&self) -> Option<Peer> {
        self.handle.peer().map(backend::peer)
    }

    /// Says of what kind a failure or a decision was: `token-expired`. It stands in the access log and the summary and is
    /// counted, also when the phase fails afterwards. `[a-z][a-z0-9-]*`, at most 64 bytes, each kind once and at most 8 of
    /// an exchange: what goes beyond is dropped.
    pub fn note(&self, kind: &str) {
        self.handle.note(kind);
    }
}
