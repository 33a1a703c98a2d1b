//! What the gateway tells about itself: plain records that know no stage.

pub mod access;
pub mod log;
pub mod metrics;
