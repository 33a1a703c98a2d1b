//! One exchange that is a call, from phase to phase.

use std::rc::Rc;

use crate::{
    plan::Plan,
    request::Incoming,
    response::Outgoing,
    settings::{ErrorFormat, StreamFormat},
};

/// One exchange that is a call.
pub(crate) struct Call {
    pub(crate) plan: Rc<Plan>,
    /// In which the client wants errors.
    pub(crate) error_format: ErrorFormat,
    /// In which it wants a stream.
    pub(crate) stream_format: StreamFormat,
    pub(crate) request: Incoming,
    pub(crate) response: Outgoing,
}
