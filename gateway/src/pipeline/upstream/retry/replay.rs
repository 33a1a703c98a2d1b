//! A request that can be sent more than once: its head is copied, and what has been read of its body is kept, up to
//! [`KEPT`] bytes.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};

use super::super::super::body::{BodyError, RequestBody};

/// Beyond it a body is read once only.
const KEPT: usize = 64 * 1024;

/// What it takes to send a request again.
pub struct Replay {
    head: Request<()>,
    /// None for a request without a body.
    record: Option<Rc<RefCell<Record>>>,
}

/// A body, and what has been read of it.
struct Record {
    rest: RequestBody,
    kept: Vec<Bytes>,
    size: usize,
    trailers: Option<HeaderMap>,
    ended: bool,
    /// Nothing has been let go of, nor will be.
    keeps: bool,
    /// Which of the readers is the last.
    reader: u32,
    /// Of whoever reads, to be told when another does.
    waker: Option<Waker>,
}

/// The body, from its beginning.
struct Reader {
    record: Rc<RefCell<Record>>,
    number: u32,
    /// How many of the pieces that are kept have been given.
    given: usize,
    trailers_given: bool,
}

impl Replay {
    /// Takes the request's body, and puts one in its place that can be read again.
    pub fn of(request: &mut Request<RequestBody>) -> Self {
        let mut head = Request::new(());
        head.method_mut().clone_from(request.method());
        head.uri_mut().clone_from(request.uri());
        *head.version_mut() = request.version();
        head.headers_mut().clone_from(request.headers());
        if request.body().is_end_stream() {
            return Self { head, record: None };
        }
        let record = Rc::new(RefCell::new(Record {
            rest: std::mem::take(request.body_mut()),
            kept: Vec::new(),
            size: 0,
            trailers: None,
            ended: false,
            keeps: true,
            reader: 0,
            waker: None,
        }));
        *request.body_mut() = Reader::last(&record);
        Self {
            head,
            record: Some(record),
        }
    }

    pub fn method(&self) -> &http::Method {
        self.head.method()
    }

    /// Whether nothing of it is gone.
    pub fn is_whole(&self) -> bool {
        let record = self.record.as_ref();
        record.is_none_or(|record| record.borrow().keeps)
    }

    /// Makes the request whole again; false when too much of it is gone.
    pub fn restore(&self, request: &mut Request<RequestBody>) -> bool {
        if !self.is_whole() {
            return false;
        }
        let body = match &self.record {
            None => RequestBody::default(),
            Some(record) => {
                record.borrow_mut().supersede();
                Reader::last(record)
            }
        };
        *request = self.head.clone().map(|()| body);
        true
    }

    /// It will not be sent again.
    pub fn forget(&self) {
        if let Some(record) = &self.record {
            record.borrow_mut().keeps = false;
        }
    }
}

impl Reader {
    fn last(record: &Rc<RefCell<Record>>) -> RequestBody {
        RequestBody::Filtered(Box::pin(Self {
            number: record.borrow().reader,
            record: Rc::clone(record),
            given: 0,
            trailers_given: false,
        }))
    }
}

impl Record {
    /// Another reader begins. The last one is told: it would wait for the rest, and hold its stream open, for as long
    /// as the client sends nothing.
    fn supersede(&mut self) {
        self.reader += 1;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match ready!(Pin::new(&mut self.rest).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.keeps = false;
                return Poll::Ready(Some(Err(error)));
            }
            None => {
                self.ended = true;
                return Poll::Ready(None);
            }
        };
        if self.keeps {
            if let Some(data) = frame.data_ref() {
                self.size += data.len();
                self.keeps = self.size <= KEPT;
                self.kept.push(data.clone());
            } else {
                self.trailers = frame.trailers_ref().cloned();
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Body for Reader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let record = &mut *this.record.borrow_mut();
        if record.reader != this.number {
            return Poll::Ready(Some(Err(BodyError::superseded())));
        }
        if let Some(piece) = record.kept.get(this.given) {
            let piece = piece.clone();
            this.given += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if !record.keeps {
            record.kept.clear();
            this.given = 0;
        }
        if record.ended || record.trailers.is_some() {
            let trailers = record.trailers.clone();
            let trailers = trailers.filter(|_| !std::mem::replace(&mut this.trailers_given, true));
            return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
        }
        let Poll::Ready(polled) = record.poll_rest(cx) else {
            record.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        this.given = record.kept.len();
        this.trailers_given |= record.trailers.is_some();
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        let record = self.record.borrow();
        let all = self.given >= record.kept.len();
        all && (record.trailers.is_none() || self.trailers_given)
            && (record.ended || record.rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let record = self.record.borrow();
        let kept: usize = record.kept.iter().skip(self.given).map(Bytes::len).sum();
        match record.rest.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(rest + kept as u64),
            None => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    fn request(pieces: &[usize], trailers: bool) -> Request<RequestBody> {
        let pieces = pieces.iter().map(|size| Frame::data(vec![7; *size].into()));
        let end = trailers.then(|| {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-end", "1".parse().unwrap());
            Frame::trailers(trailers)
        });
        let frames: Vec<_> = pieces.chain(end).map(Ok).collect();
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let mut request = Request::new(RequestBody::Filtered(Box::pin(body)));
        request.headers_mut().insert("x-a", "b".parse().unwrap());
        request
    }

    fn poll(request: &mut Request<RequestBody>) -> Option<Result<Frame<Bytes>, BodyError>> {
        let frame = std::pin::pin!(request.body_mut().frame());
        match frame.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(frame) => frame,
            Poll::Pending => panic!("these bodies never wait"),
        }
    }

    fn whole(request: &mut Request<RequestBody>) -> (usize, bool) {
        let (mut size, mut trailers) = (0, false);
        while let Some(frame) = poll(request) {
            match frame.unwrap().into_data() {
                Ok(data) => size += data.len(),
                Err(_) => trailers = true,
            }
        }
        (size, trailers)
    }

    #[test]
    fn a_body_can_be_read_again_from_wherever_it_was() {
        for read in 0..4 {
            let mut request = request(&[10, 20], true);
            let replay = Replay::of(&mut request);
            (0..read).for_each(|_| drop(poll(&mut request)));
            let mut old = std::mem::take(&mut request);
            assert!(replay.restore(&mut request));
            assert_eq!(request.headers()["x-a"], "b");
            assert_eq!(whole(&mut request), (30, true), "after {read}");
            assert!(poll(&mut old).is_none_or(|it| it.is_err()));
            assert!(replay.restore(&mut request));
            assert_eq!(whole(&mut request), (30, true));
        }
    }

    #[test]
    fn a_long_body_is_read_once_and_not_kept() {
        let mut request = request(&[KEPT, 1, 5], false);
        let replay = Replay::of(&mut request);
        assert_eq!(whole(&mut request), (KEPT + 6, false));
        assert!(replay.record.as_ref().unwrap().borrow().kept.is_empty());
        assert!(!replay.restore(&mut request));
    }

    #[test]
    fn a_request_without_a_body_can_always_be_sent_again() {
        let mut request = Request::new(RequestBody::default());
        let replay = Replay::of(&mut request);
        assert!(replay.restore(&mut request) && replay.restore(&mut request));
        assert!(request.body().is_end_stream());
    }
}
