//! The plugins that one body goes through.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use smallvec::SmallVec;

use super::{Break, Direction};
use crate::pipeline::sandbox::{
    bindings::types::BodyAction,
    exchange::{Interruption, Running},
    failure::{Failure, FailureKind},
    fields::{self, Edit},
    reply::local_response,
};

pub(super) struct Filters {
    running: Rc<Running>,
    direction: Direction,
    list: SmallVec<[Filter; 2]>,
    /// What came after the body, under the plugins' edits.
    pub(super) trailers: Option<HeaderMap>,
}

/// One plugin's part in one body.
pub(super) struct Filter {
    index: usize,
    held: BytesMut,
    done: bool,
    /// It has let a piece through, whatever has become of that.
    let_through: bool,
    /// Of trailers that have not come yet.
    trailer_edits: Vec<Edit>,
}

impl Filter {
    fn new(index: usize) -> Self {
        Self {
            index,
            held: BytesMut::new(),
            done: false,
            let_through: false,
            trailer_edits: Vec::new(),
        }
    }
}

impl Filters {
    pub(super) fn new(running: &Rc<Running>, direction: Direction) -> Self {
        Self {
            running: Rc::clone(running),
            direction,
            list: SmallVec::new(),
            trailers: None,
        }
    }

    pub(super) fn push(&mut self, index: usize) {
        self.list.push(Filter::new(index));
    }

    pub(super) fn pop(&mut self) -> Option<Filter> {
        self.list.pop()
    }

    /// Those before have seen the end of the body.
    pub(super) fn only(&mut self, filter: Filter) {
        self.list.clear();
        self.list.push(filter);
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the plugin added last has let a piece through.
    pub(super) fn has_let_through(&self) -> bool {
        self.list.last().is_none_or(|filter| filter.let_through)
    }

    /// No plugin wants to see more.
    pub(super) fn are_done(&self) -> bool {
        self.list
            .iter()
            .all(|filter| filter.done && filter.trailer_edits.is_empty())
    }

    pub(super) fn interrupt<E>(&self, interruption: Interruption) -> Break<E> {
        *self.running.interruption.borrow_mut() = Some(interruption);
        Break::Interrupted
    }

    /// A failure that `on-failure: open` cannot pass over.
    pub(super) fn refuse(&self, filter: &Filter, kind: FailureKind) -> Failure {
        self.running
            .refuse(filter.index, self.direction.phase(), kind)
    }

    /// Takes one piece through the plugins, but for those that it has behind it. Gives itself back, since the caller cannot lend it to a future.
    pub(super) async fn pass(
        mut self: Box<Self>,
        mut piece: Bytes,
        last: bool,
        behind: usize,
    ) -> (Box<Self>, Result<Bytes, Interruption>) {
        for at in behind..self.list.len() {
            if piece.is_empty() && !last {
                break;
            }
            match self.pass_one(at, piece, last).await {
                Ok(passed) => piece = passed,
                Err(interruption) => return (self, Err(interruption)),
            }
        }
        (self, Ok(piece))
    }

    async fn pass_one(
        &mut self,
        at: usize,
        piece: Bytes,
        last: bool,
    ) -> Result<Bytes, Interruption> {
        let Self {
            running,
            direction,
            list,
            trailers,
        } = self;
        let filter = &mut list[at];
        let phase = direction.phase();
        if filter.done {
            if last {
                apply(filter, trailers);
            }
            return Ok(piece);
        }
        let piece = if filter.held.is_empty() {
            piece
        } else {
            filter.held.extend_from_slice(&piece);
            filter.held.split().freeze()
        };
        let ends = if last { trailers.as_ref() } else { None };
        let called = running
            .chunk(
                filter.index,
                *direction,
                &piece,
                last,
                ends,
                &mut filter.trailer_edits,
            )
            .await;
        filter.let_through |= last || !matches!(called, Ok(BodyAction::Hold));
        let reply = match called {
            Ok(BodyAction::Pass) => return Ok(finish(filter, trailers, last, piece)),
            Ok(BodyAction::Replace(data)) => {
                return Ok(finish(filter, trailers, last, Bytes::from(data)));
            }
            Ok(BodyAction::Done) => {
                filter.done = true;
                return Ok(finish(filter, trailers, last, piece));
            }
            // There is no next call: it goes on as it is.
            Ok(BodyAction::Hold) if last => return Ok(finish(filter, trailers, last, piece)),
            Ok(BodyAction::Hold) => {
                let most = running.link(filter.index).plugin.settings.limits.body;
                if piece.len() as u64 > most {
                    let kind = FailureKind::BodyTooLarge(most);
                    return Err(Interruption::Failure(running.refuse(
                        filter.index,
                        phase,
                        kind,
                    )));
                }
                filter.held = BytesMut::from(piece);
                return Ok(Bytes::new());
            }
            Ok(BodyAction::Reply(reply)) => {
                if running.may_reply(*direction) {
                    local_response(reply)
                } else {
                    let what = "it replies when the response has already begun";
                    Err(FailureKind::Invalid(what.into()))
                }
            }
            Err(kind) => Err(kind),
        };
        match reply {
            Ok(reply) => {
                running.leave_out(filter.index);
                Err(Interruption::Reply(Box::new(reply)))
            }
            Err(kind) => {
                filter.done = true;
                filter.trailer_edits.clear();
                match running.failed(filter.index, phase, kind) {
                    Ok(()) => Ok(piece),
                    Err(failure) => Err(Interruption::Failure(failure)),
                }
            }
        }
    }
}

fn finish(
    filter: &mut Filter,
    trailers: &mut Option<HeaderMap>,
    last: bool,
    piece: Bytes,
) -> Bytes {
    if last {
        apply(filter, trailers);
    }
    piece
}

fn apply(filter: &mut Filter, trailers: &mut Option<HeaderMap>) {
    if !filter.trailer_edits.is_empty() {
        fields::apply(&mut filter.trailer_edits, trailers.get_or_insert_default());
    }
}
