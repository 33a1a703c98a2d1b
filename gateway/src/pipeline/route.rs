//! Which route answers a request.
