//! What goes back to the client: its body, with all that must happen when it ends, and the gateway's own answers.

mod body;
mod problem;
mod retry;

pub use body::{BodyCut, Guard, Outcome, ReplyBody, Source};
pub use problem::{answer, as_grpc, as_status, speaks_grpc};
