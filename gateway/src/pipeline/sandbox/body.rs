//! Bodies on their way through the body phases of a chain.
//!
//! A body that no plugin asks for passes untouched. Else each piece goes through the plugins one after the other
//! before the next is read, so that a slow one holds its sender back; nothing is kept but what a plugin holds.

mod filter;
mod keep_alive;
mod source;

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

pub(super) use self::keep_alive::KeepAlive;
use self::{filter::Filters, keep_alive::Silence, source::Source};
use super::{
    exchange::{Interruption, Running},
    failure::FailureKind,
    phase::Phase,
};

/// Why a body made by a chain breaks off.
#[derive(Debug, thiserror::Error)]
pub enum Break<E> {
    /// A plugin broke it off: `Exchange::interruption` says with what.
    #[error("a plugin broke off the body")]
    Interrupted,
    #[error(transparent)]
    Source(E),
}

/// Which way a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

impl Direction {
    pub(super) fn phase(self) -> Phase {
        match self {
            Self::Request => Phase::RequestBody,
            Self::Response => Phase::ResponseBody,
        }
    }
}

type Call = Pin<Box<dyn Future<Output = (Box<Filters>, Result<Bytes, Interruption>)>>>;

/// A body behind a chain.
pub struct ChainBody<B> {
    source: Source<B>,
    /// None when no plugin takes part (any more), and while one is called.
    filters: Option<Box<Filters>>,
    call: Option<Call>,
    /// The last piece is with the plugins, or behind them.
    ended: bool,
    trailers: Option<HeaderMap>,
    /// What was let through while the head was held back.
    begun: Option<Begun>,
    /// What a plugin wants sent while nothing comes.
    silence: Option<Box<Silence>>,
}

/// A piece on its way through the plugins.
struct Begun {
    piece: Bytes,
    last: bool,
    /// The number of plugins that it has behind it.
    behind: usize,
}

impl<B: Body<Data = Bytes> + Unpin> ChainBody<B> {
    pub(super) fn untouched(body: B) -> Self {
        Self {
            source: Source::Stream(body),
            filters: None,
            call: None,
            ended: false,
            trailers: None,
            begun: None,
            silence: None,
        }
    }

    /// Adds a plugin behind those that are there. One that has not asked for the body is not bothered when
    /// there is none.
    pub(super) fn add(
        &mut self,
        running: &Rc<Running>,
        direction: Direction,
        index: usize,
        asked: bool,
    ) {
        let is_empty = self.source.is_end_stream() && self.begun.is_none();
        if !running.takes_part(index, direction.phase()) || (!asked && is_empty) {
            return;
        }
        let filters = self
            .filters
            .get_or_insert_with(|| Box::new(Filters::new(running, direction)));
        filters.push(index);
    }

    /// Sends what the plugin added last wants sent while nothing comes, past those that were added before.
    pub(super) fn keep_alive(&mut self, wanted: KeepAlive) {
        if let Some(filters) = &self.filters {
            self.silence = Some(Box::new(Silence::new(wanted, filters.len())));
        }
    }

    /// The body itself, when no plugin takes part in it.
    ///
    /// # Errors
    /// The chain's body, when one does.
    #[allow(clippy::result_large_err, reason = "both are bodies on their way")]
    pub fn into_inner(self) -> Result<B, Self> {
        match self.source {
            Source::Stream(body) if self.filters.is_none() && self.call.is_none() => Ok(body),
            source => Err(Self { source, ..self }),
        }
    }

    /// Whether plugins will be called for it.
    pub(super) fn has_filters(&self) -> bool {
        self.filters.is_some()
    }

    /// Whether its length may differ from what was announced.
    pub(super) fn may_change(&self) -> bool {
        self.filters.is_some() || !matches!(self.source, Source::Stream(_))
    }

    /// Puts other content in its place, past the plugins that were added.
    pub(super) fn replace(&mut self, data: Bytes) {
        self.source = Source::whole(data, None);
        self.filters = None;
        self.begun = None;
        self.silence = None;
    }

    /// Reads the whole of it, hands it to the plugin added last, and keeps what that makes of it.
    pub(super) async fn collect(&mut self, most: u64) -> Result<(), Break<B::Error>> {
        let Some(mut filters) = self.filters.take() else {
            return Ok(());
        };
        let Some(asking) = filters.pop() else {
            return Ok(());
        };
        let mut whole = BytesMut::new();
        loop {
            let (back, piece, last) = self.next(filters).await?;
            filters = back;
            if (whole.len() + piece.len()) as u64 > most {
                let failure = filters.refuse(&asking, FailureKind::BodyTooLarge(most));
                return Err(filters.interrupt(Interruption::Failure(failure)));
            }
            whole.extend_from_slice(&piece);
            if last {
                break;
            }
        }
        filters.only(asking);
        let (mut filters, passed) = filters.pass(whole.freeze(), true, 0).await;
        let whole = passed.map_err(|interruption| filters.interrupt(interruption))?;
        self.source = Source::whole(whole, filters.trailers.take());
        Ok(())
    }

    /// Hands pieces to the plugin added last until it lets one through, which is kept for those that are added later.
    pub(super) async fn begin(&mut self) -> Result<(), Break<B::Error>> {
        while let Some(filters) = self.filters.take() {
            let (filters, piece, last) = self.next(filters).await?;
            let through = last || filters.has_let_through();
            if through && (last || !piece.is_empty()) {
                self.begun = Some(Begun {
                    piece,
                    last,
                    behind: filters.len(),
                });
            }
            self.filters = Some(filters);
            if through {
                break;
            }
        }
        Ok(())
    }

    /// The next piece behind all plugins that are there, and whether it is the last.
    async fn next(
        &mut self,
        mut filters: Box<Filters>,
    ) -> Result<(Box<Filters>, Bytes, bool), Break<B::Error>> {
        let begun = match self.begun.take() {
            Some(begun) => begun,
            None => {
                let (piece, last) = self.read(&mut filters).await.map_err(Break::Source)?;
                Begun {
                    piece,
                    last,
                    behind: 0,
                }
            }
        };
        let (filters, passed) = filters.pass(begun.piece, begun.last, begun.behind).await;
        let piece = passed.map_err(|interruption| filters.interrupt(interruption))?;
        Ok((filters, piece, begun.last))
    }

    /// The next piece, and whether it is the last; trailers go to the filters.
    async fn read(&mut self, filters: &mut Filters) -> Result<(Bytes, bool), B::Error> {
        let frame = std::future::poll_fn(|cx| self.source.poll_frame(cx)).await;
        Ok(self.piece(frame.transpose()?, filters))
    }

    /// What comes next, or what stands for it while nothing does; none for now.
    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        filters: &mut Filters,
    ) -> Option<Result<Begun, Break<B::Error>>> {
        let silence = self.silence.as_mut();
        let Poll::Ready(frame) = self.source.poll_frame(cx) else {
            return silence?.poll_break(cx).map(Ok);
        };
        if let Some(silence) = silence {
            silence.begin_anew();
        }
        let read = frame.transpose().map_err(Break::Source);
        Some(read.map(|frame| {
            let (piece, last) = self.piece(frame, filters);
            Begun {
                piece,
                last,
                behind: 0,
            }
        }))
    }

    fn piece(&self, frame: Option<Frame<Bytes>>, filters: &mut Filters) -> (Bytes, bool) {
        match frame.map(Frame::into_data) {
            Some(Ok(data)) => (data, self.source.is_end_stream()),
            Some(Err(other)) => {
                filters.trailers = other.into_trailers().ok();
                (Bytes::new(), true)
            }
            None => (Bytes::new(), true),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ChainBody<B> {
    type Data = Bytes;
    type Error = Break<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(call) = &mut this.call {
                let (mut filters, passed) = ready!(call.as_mut().poll(cx));
                this.call = None;
                let piece = match passed {
                    Ok(piece) => piece,
                    Err(interruption) => {
                        this.ended = true;
                        return Poll::Ready(Some(Err(filters.interrupt(interruption))));
                    }
                };
                if this.ended {
                    this.trailers = filters.trailers.take();
                } else if !filters.are_done() {
                    this.filters = Some(filters);
                }
                if !piece.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                continue;
            }
            let Some(mut filters) = this.filters.take() else {
                if this.ended {
                    return Poll::Ready(
                        this.trailers
                            .take()
                            .map(|trailers| Ok(Frame::trailers(trailers))),
                    );
                }
                return this.source.poll_frame(cx).map_err(Break::Source);
            };
            let begun = match this.begun.take() {
                Some(begun) => begun,
                None => {
                    let Some(begun) = this.poll_piece(cx, &mut filters).transpose()? else {
                        this.filters = Some(filters);
                        return Poll::Pending;
                    };
                    begun
                }
            };
            this.ended = begun.last;
            let call = filters.pass(begun.piece, begun.last, begun.behind);
            this.call = Some(Box::pin(call));
        }
    }

    fn is_end_stream(&self) -> bool {
        let busy = self.call.is_some() || self.filters.is_some() || self.trailers.is_some();
        !busy && (self.ended || self.source.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.call.is_some() || self.filters.is_some() || self.ended {
            return SizeHint::default();
        }
        self.source.size_hint()
    }
}
