//! Deadlines of exchanges: thousands are set and few ever pass, so setting one must cost next to nothing.
//!
//! A runtime timer takes a lock and moves list nodes for each; here a deadline is one slot of a slab that a
//! task looks through every [`RESOLUTION`] while there is any.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use slab::Slab;
use tokio::sync::Notify;

/// How late a deadline may be noticed.
pub const RESOLUTION: Duration = Duration::from_millis(10);

/// The deadlines of one worker.
#[derive(Debug, Default)]
pub struct Deadlines {
    waiting: RefCell<Slab<(Instant, Waker)>>,
    begun: Notify,
}

impl Deadlines {
    /// Wakes what is due, forever; the worker runs it as a task.
    pub async fn run(self: Rc<Self>) {
        loop {
            if self.waiting.borrow().is_empty() {
                self.begun.notified().await;
            }
            tokio::time::sleep(RESOLUTION).await;
            let now = Instant::now();
            for (_, (at, waker)) in &*self.waiting.borrow() {
                if *at <= now {
                    waker.wake_by_ref();
                }
            }
        }
    }
}

/// One deadline. It costs nothing until it is first polled.
#[derive(Debug)]
pub struct Deadline {
    deadlines: Rc<Deadlines>,
    slot: Option<usize>,
    at: Instant,
}

impl Deadline {
    pub fn new(deadlines: &Rc<Deadlines>, at: Instant) -> Self {
        Self {
            deadlines: Rc::clone(deadlines),
            slot: None,
            at,
        }
    }

    /// Moves the deadline; no look at the clock is needed to know that it has not passed.
    pub fn reset(&mut self, at: Instant) {
        self.at = at;
        if let Some(slot) = self.slot {
            self.deadlines.waiting.borrow_mut()[slot].0 = at;
        }
    }

    /// Ready once the deadline has passed, up to [`RESOLUTION`] late.
    pub fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let mut waiting = self.deadlines.waiting.borrow_mut();
        match self.slot {
            None => {
                if waiting.is_empty() {
                    self.deadlines.begun.notify_one();
                }
                self.slot = Some(waiting.insert((self.at, cx.waker().clone())));
                Poll::Pending
            }
            Some(slot) => {
                let (at, waker) = &mut waiting[slot];
                if !waker.will_wake(cx.waker()) {
                    waker.clone_from(cx.waker());
                }
                if *at <= Instant::now() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.deadlines.waiting.borrow_mut().remove(slot);
        }
    }
}

/// A future that gives up at a deadline.
pub async fn within<F: Future>(
    deadline: &mut Deadline,
    mut future: Pin<&mut F>,
) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => deadline.poll(cx).map(|()| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn local<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build_local(Default::default())
            .unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn gives_up_at_the_deadline() {
        local(async {
            let deadlines = Rc::new(Deadlines::default());
            tokio::task::spawn_local(Rc::clone(&deadlines).run());
            let begun = Instant::now();
            let mut deadline = Deadline::new(&deadlines, begun + Duration::from_millis(30));
            assert_eq!(
                within(&mut deadline, pin!(std::future::pending::<()>())).await,
                None
            );
            assert!(begun.elapsed() >= Duration::from_millis(30));
            drop(deadline);
            assert!(deadlines.waiting.borrow().is_empty());
        });
    }

    #[test]
    fn a_reset_deadline_starts_over() {
        local(async {
            let deadlines = Rc::new(Deadlines::default());
            tokio::task::spawn_local(Rc::clone(&deadlines).run());
            let begun = Instant::now();
            let mut deadline = Deadline::new(&deadlines, begun + Duration::from_millis(20));
            assert_eq!(
                within(&mut deadline, pin!(std::future::ready(7))).await,
                Some(7)
            );
            deadline.reset(begun + Duration::from_millis(60));
            assert_eq!(
                within(&mut deadline, pin!(std::future::pending::<()>())).await,
                None
            );
            assert!(begun.elapsed() >= Duration::from_millis(60));
        });
    }
}
