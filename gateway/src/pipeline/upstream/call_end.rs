//! The end of a gRPC call: whatever happens to the upstream's response, it ends with a status.
//!
//! A stream that is only broken off tells a client over HTTP/2 little, and one behind gRPC-Web, or a plugin that makes
//! JSON of the call, nothing at all.

use std::{rc::Rc, time::Instant};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use super::super::{
    body::{Bodies, BodyError},
    grpc,
};

type Polled = Option<Result<Frame<Bytes>, BodyError>>;

/// Watches over the end of one call.
pub(super) struct CallEnd {
    /// The call's deadline.
    ends: Option<Instant>,
    /// The trailers have gone out.
    over: bool,
    bodies: Rc<Bodies>,
}

impl CallEnd {
    pub(super) fn new(bodies: Rc<Bodies>) -> Self {
        Self {
            ends: bodies.ends.get(),
            over: false,
            bodies,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// When to look again at a call that is silent until `idle`.
    pub(super) fn before(&self, idle: Instant) -> Instant {
        self.ends.map_or(idle, |ends| ends.min(idle))
    }

    pub(super) fn is_late(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= Instant::now())
    }

    /// What came of the response, with a status where there is none.
    pub(super) fn close(&mut self, polled: Polled) -> Polled {
        let error = match polled {
            Some(Ok(frame)) => {
                self.over = frame.is_trailers();
                return Some(Ok(frame));
            }
            Some(Err(error)) => error,
            None => BodyError::NoStatus,
        };
        self.over = true;
        let (status, message) = status(&error);
        let mut trailers = HeaderMap::with_capacity(2);
        grpc::put_status(&mut trailers, status, message);
        self.bodies.cut.set(Some(error));
        Some(Ok(Frame::trailers(trailers)))
    }
}

/// For the client: nothing about the inside.
fn status(error: &BodyError) -> (u8, &'static str) {
    match error {
        BodyError::Deadline(_) => (grpc::DEADLINE_EXCEEDED, "the call's deadline has passed"),
        BodyError::Idle(_) => (grpc::UNAVAILABLE, "the service fell silent"),
        BodyError::NoStatus => (
            grpc::INTERNAL,
            "the service ended the call without a status",
        ),
        BodyError::Upstream(error) => match grpc::reset(error) {
            Some(reason) => (grpc::status_of_reset(reason), "the service reset the call"),
            None => (grpc::UNAVAILABLE, "the service broke off its answer"),
        },
        _ => (grpc::UNAVAILABLE, "the service broke off its answer"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn closed(polled: Polled) -> (HeaderMap, Option<BodyError>) {
        let bodies = Rc::<Bodies>::default();
        let mut end = CallEnd::new(Rc::clone(&bodies));
        let frame = end.close(polled).unwrap().unwrap();
        assert!(end.is_over());
        (frame.into_trailers().unwrap(), bodies.cut.take())
    }

    #[test]
    fn every_end_is_a_status() {
        let (trailers, cut) = closed(None);
        assert_eq!(trailers[grpc::GRPC_STATUS], "13");
        assert!(matches!(cut, Some(BodyError::NoStatus)));
        let (trailers, _) = closed(Some(Err(BodyError::deadline())));
        assert_eq!(trailers[grpc::GRPC_STATUS], "4");
        let (trailers, _) = closed(Some(Err(BodyError::Idle(Duration::ZERO))));
        assert_eq!(trailers[grpc::GRPC_STATUS], "14");
    }

    #[test]
    fn a_status_of_the_upstream_stays() {
        let mut own = HeaderMap::new();
        grpc::put_status(&mut own, 5, "none");
        let (trailers, cut) = closed(Some(Ok(Frame::trailers(own.clone()))));
        assert_eq!(trailers, own);
        assert!(cut.is_none());
    }
}
