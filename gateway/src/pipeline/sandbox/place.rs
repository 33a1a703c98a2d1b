//! Where an instance is kept between calls, and from where exchanges borrow it in turn.

use std::{
    cell::Cell,
    ops::{Deref, DerefMut},
    rc::Rc,
};

use tokio::sync::Notify;

use super::{instance::Instance, worker::Slot};

/// The place of an instance that exchanges use in turn: all on one worker, so it needs no lock.
pub(super) struct Place {
    /// None while it is lent.
    instance: Cell<Option<Box<Instance>>>,
    /// How many stand in line for it.
    waiting: Cell<usize>,
    freed: Notify,
}

pub(super) type Shared = Rc<Place>;

/// One who stands in line.
struct Waiting<'a>(&'a Place);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

impl Place {
    pub(super) fn new(instance: Instance) -> Self {
        Self {
            instance: Cell::new(Some(Box::new(instance))),
            waiting: Cell::new(0),
            freed: Notify::new(),
        }
    }

    /// If it is there, and nobody stands in line for it.
    pub(super) fn take(&self) -> Option<Box<Instance>> {
        if self.waiting.get() > 0 {
            return None;
        }
        self.instance.take()
    }

    /// Stands in line for it.
    pub(super) async fn turn(&self) -> Box<Instance> {
        self.waiting.set(self.waiting.get() + 1);
        let _waiting = Waiting(self);
        loop {
            // Woken one after the other; one that is dropped after it was woken passes that on.
            let freed = self.freed.notified();
            if let Some(instance) = self.instance.take() {
                return instance;
            }
            freed.await;
        }
    }

    fn put_back(&self, instance: Box<Instance>) {
        self.instance.set(Some(instance));
        if self.waiting.get() > 0 {
            self.freed.notify_one();
        }
    }
}

/// An instance for the length of a call. However the call ends, also by a future that is dropped: one that is
/// spent then serves no new exchange. It lives for as long as exchanges hold it.
pub(super) struct Lent {
    slot: Rc<Slot>,
    shared: Shared,
    /// None once it is given back.
    instance: Option<Box<Instance>>,
}

impl Lent {
    pub(super) fn new(slot: &Rc<Slot>, shared: &Shared, instance: Box<Instance>) -> Self {
        Self {
            slot: Rc::clone(slot),
            shared: Rc::clone(shared),
            instance: Some(instance),
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Deref for Lent {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        self.instance.as_ref().expect("given back only at the end")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Instance {
        self.instance.as_mut().expect("given back only at the end")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut instance) = self.instance.take() else {
            return;
        };
        if instance.is_poisoned() {
            // Exchanges that have lost their state with it may hold it for long: what it held is free now.
            instance.store.data_mut().abandon();
        }
        if instance.is_spent() {
            self.slot.retire(&self.shared);
        }
        self.shared.put_back(instance);
    }
}
