//! What a client connection is doing, so that one that does nothing can be closed without a timer of its own.
//!
//! The connection's parts note their steps here; [`Watch::look`] goes over all connections of a worker a few times
//! a second and decides.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;
use slab::Slab;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;

/// No request, and none has begun.
const IDLE: u8 = 0;
/// A request's head has begun (HTTP/1.1 only).
const HEAD: u8 = 1;
/// At least one exchange is open.
const BUSY: u8 = 2;

/// What the connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Go,
    /// Finish what is open, take nothing new.
    Close,
    /// Stop at once.
    Cut,
}

/// One connection's steps. Only its worker touches it; it is atomic since an upgraded stream must be `Send`.
#[derive(Debug, Default)]
pub struct Activity {
    phase: AtomicU8,
    /// Counts changes of phase.
    steps: AtomicU32,
    exchanges: AtomicU32,
    /// Bodies whose next piece waits for the client to take the last one.
    waiting: AtomicU32,
    /// Counts pieces that clients have taken.
    taken: AtomicU32,
    closing: AtomicBool,
    cut: AtomicBool,
    waker: AtomicWaker,
    framing: Framing,
}

impl Activity {
    fn enter(&self, phase: u8) {
        self.phase.store(phase, Relaxed);
        bump(&self.steps);
    }

    /// An exchange begins.
    pub fn begin(&self) {
        bump(&self.exchanges);
        self.enter(BUSY);
    }

    /// An exchange has ended.
    pub fn end(&self) {
        let left = self.exchanges.load(Relaxed) - 1;
        self.exchanges.store(left, Relaxed);
        if left == 0 {
            self.framing.reset();
        }
        self.enter(if left == 0 { IDLE } else { BUSY });
    }

    /// The client has been given a piece of a body.
    pub fn give(&self) {
        bump(&self.waiting);
    }

    /// The client has taken it, or will never.
    pub fn take(&self) {
        self.waiting.store(self.waiting.load(Relaxed) - 1, Relaxed);
        bump(&self.taken);
    }

    /// A request that came with `transfer-encoding` had a `content-length` beside it.
    pub fn is_ambiguous(&self) -> bool {
        self.framing.saw_both()
    }

    /// Asks the connection to finish what is open.
    pub fn close(&self) {
        if !self.closing.swap(true, Relaxed) {
            self.waker.wake();
        }
    }

    /// Asks the connection to stop at once.
    pub fn cut(&self) {
        if !self.cut.swap(true, Relaxed) {
            self.waker.wake();
        }
    }

    /// A future that is given up when the connection is asked to close.
    pub async fn unless_closing<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| match self.order(cx) {
            Order::Go => future.as_mut().poll(cx).map(Some),
            Order::Close | Order::Cut => Poll::Ready(None),
        })
        .await
    }

    /// What the connection is to do; the task of `cx` is woken when that changes.
    pub fn order(&self, cx: &Context<'_>) -> Order {
        self.waker.register(cx.waker());
        match (self.cut.load(Relaxed), self.closing.load(Relaxed)) {
            (true, _) => Order::Cut,
            (false, true) => Order::Close,
            (false, false) => Order::Go,
        }
    }
}

/// One thread writes: no need for a locked instruction.
fn bump(count: &AtomicU32) {
    count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
}

/// After how long without a step a connection is closed.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub head: Duration,
    pub idle: Duration,
}

/// The connections of one worker.
#[derive(Debug, Default)]
pub struct Watch {
    seen: RefCell<Slab<Seen>>,
}

#[derive(Debug)]
struct Seen {
    activity: Arc<Activity>,
    step: (u32, Instant),
    taken: (u32, Instant),
}

impl Watch {
    /// How often [`Watch::look`] should be called.
    pub const INTERVAL: Duration = Duration::from_millis(250);

    pub fn add(&self, activity: &Arc<Activity>) -> usize {
        let now = Instant::now();
        let activity = Arc::clone(activity);
        self.seen.borrow_mut().insert(Seen {
            activity,
            step: (0, now),
            taken: (0, now),
        })
    }

    pub fn remove(&self, key: usize) {
        self.seen.borrow_mut().remove(key);
    }

    pub fn len(&self) -> usize {
        self.seen.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks every connection to finish what is open, or with `cut` to stop.
    pub fn close_all(&self, cut: bool) {
        for (_, seen) in &*self.seen.borrow() {
            if cut {
                seen.activity.cut();
            } else {
                seen.activity.close();
            }
        }
    }

    /// Closes the connections that have tried the gateway's patience.
    pub fn look(&self, now: Instant, patience: Patience) {
        for (_, seen) in &mut *self.seen.borrow_mut() {
            seen.look(now, patience);
        }
    }
}

impl Seen {
    fn look(&mut self, now: Instant, patience: Patience) {
        let activity = &self.activity;
        let still = since(&mut self.step, activity.steps.load(Relaxed), now);
        let untaken = since(&mut self.taken, activity.taken.load(Relaxed), now);
        match activity.phase.load(Relaxed) {
            IDLE if still >= patience.idle * 2 => activity.cut(),
            IDLE if still >= patience.idle => activity.close(),
            HEAD if still >= patience.head => activity.cut(),
            BUSY if activity.waiting.load(Relaxed) > 0 && untaken >= patience.idle => {
                activity.cut();
            }
            _ => {}
        }
    }
}

/// How long a count has stood still.
fn since(seen: &mut (u32, Instant), count: u32, now: Instant) -> Duration {
    if seen.0 != count {
        *seen = (count, now);
    }
    now.saturating_duration_since(seen.1)
}

/// A client's byte stream whose first byte of a request is noted.
pub struct Watched<T> {
    io: T,
    activity: Arc<Activity>,
    /// Heads are told apart from the rest only in HTTP/1.1.
    heads: bool,
}

impl<T> Watched<T> {
    pub fn new(io: T, activity: &Arc<Activity>, heads: bool) -> Self {
        Self {
            io,
            activity: Arc::clone(activity),
            heads,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if self.heads && polled.is_ready() {
            let read = &buf.filled()[before..];
            let activity = &self.activity;
            if !read.is_empty() && activity.phase.load(Relaxed) == IDLE {
                activity.enter(HEAD);
            }
            activity.framing.read(read);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(1),
        idle: Duration::from_secs(10),
    };

    struct Fixture {
        watch: Watch,
        activity: Arc<Activity>,
        begun: Instant,
    }

    impl Fixture {
        fn new() -> Self {
            let (watch, activity) = (Watch::default(), Arc::new(Activity::default()));
            watch.add(&activity);
            Self {
                watch,
                activity,
                begun: Instant::now(),
            }
        }

        fn after(&self, secs: u64) -> Order {
            self.watch
                .look(self.begun + Duration::from_secs(secs), PATIENCE);
            self.activity
                .order(&Context::from_waker(std::task::Waker::noop()))
        }
    }

    #[test]
    fn an_idle_connection_is_closed_then_cut() {
        let fixture = Fixture::new();
        assert_eq!(fixture.after(9), Order::Go);
        assert_eq!(fixture.after(11), Order::Close);
        assert_eq!(fixture.after(21), Order::Cut);
    }

    #[test]
    fn a_head_that_does_not_end_is_cut() {
        let fixture = Fixture::new();
        fixture.activity.enter(HEAD);
        assert_eq!(fixture.after(0), Order::Go);
        assert_eq!(fixture.after(2), Order::Cut);
    }

    #[test]
    fn only_the_client_is_blamed_for_a_slow_exchange() {
        let fixture = Fixture::new();
        fixture.activity.begin();
        assert_eq!(fixture.after(100), Order::Go, "the upstream is slow");
        fixture.activity.give();
        assert_eq!(fixture.after(101), Order::Cut, "the client takes nothing");
        let fixture = Fixture::new();
        fixture.activity.begin();
        fixture.activity.give();
        fixture.activity.take();
        fixture.activity.give();
        assert_eq!(fixture.after(5), Order::Go);
        assert_eq!(fixture.after(16), Order::Cut);
    }
}
