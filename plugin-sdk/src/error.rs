//! What can go wrong in a plugin.

/// The plugin could not do its work.
///
/// Any error and any string becomes one by `?` or `.into()`. The gateway logs it with its sources and then does
/// what the operator chose (`on-failure`, closed by default); the client never sees it. To refuse a request,
/// answer with a [`Reply`](crate::Reply): a refusal is no failure.
pub type Error = Box<dyn std::error::Error>;

/// What a phase returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the gateway refused an edit. An edit that is refused changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Not a field name or value (RFC 9110 section 5), not a status, not a method, not a path.
    #[error("the name or value is not valid in HTTP")]
    Invalid,
    /// Hop-by-hop and framing fields, `host` and the gateway's own forwarding fields belong to the gateway.
    #[error("this belongs to the gateway")]
    Forbidden,
    /// The head has already gone out.
    #[error("the head has already gone out")]
    Sealed,
}

/// An error and its sources on one line.
#[cfg(target_arch = "wasm32")]
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        message.push_str(": ");
        message.push_str(&error.to_string());
        source = error.source();
    }
    message
}
