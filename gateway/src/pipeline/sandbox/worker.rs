//! One worker's plugin instances.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Weak},
};

use tokio::sync::Notify;

use super::{
    ending::Ending,
    failure::FailureKind,
    host::Host,
    instance::Instance,
    phase::Phase,
    place::{Lent, Place, Shared},
    plugin::Plugin,
    reuse::Decisions,
    state::Home,
    stats::Shard,
};
use crate::pipeline::gate::{self, Gate, Remembered};

/// Instances of one plugin that waits, on one worker. Beyond that, exchanges stand in line for one of them.
const MOST_WAITING: usize = 16;

/// What one worker thread keeps.
pub(super) struct Worker {
    host: Arc<Host>,
    number: usize,
    wake: Arc<Notify>,
    /// By `Plugin::slot`.
    slots: RefCell<Vec<Option<Rc<Slot>>>>,
    /// The numbers of plugins outlive their components.
    shards: RefCell<HashMap<Arc<str>, Arc<Shard>>>,
    /// Of gates that have many.
    cells: RefCell<Remembered>,
    /// What plugins have decided for others too.
    pub(super) decisions: RefCell<Decisions>,
    /// Exchanges that are over, with plugins that wait still to be told.
    endings: RefCell<Vec<Ending>>,
}

impl Worker {
    pub(super) fn new(host: &Arc<Host>) -> Rc<Self> {
        let wake = Arc::new(Notify::new());
        Rc::new(Self {
            host: Arc::clone(host),
            number: host.add_worker(&wake),
            wake,
            slots: RefCell::default(),
            shards: RefCell::default(),
            cells: RefCell::default(),
            decisions: RefCell::new(Decisions::new(host.keys.epoch())),
            endings: RefCell::default(),
        })
    }

    /// The instances of a plugin.
    pub(super) fn slot(&self, plugin: &Arc<Plugin>) -> Rc<Slot> {
        if let Some(Some(slot)) = self.slots.borrow().get(plugin.slot)
            && slot.is_of(plugin)
        {
            return Rc::clone(slot);
        }
        let slot = Rc::new(self.open(plugin));
        let mut slots = self.slots.borrow_mut();
        if slots.len() <= plugin.slot {
            slots.resize_with(plugin.slot + 1, || None);
        }
        slots[plugin.slot] = Some(Rc::clone(&slot));
        slot
    }

    fn open(&self, plugin: &Arc<Plugin>) -> Slot {
        let stats = self.host.registry.plugin(&plugin.name);
        let mut shards = self.shards.borrow_mut();
        let shard = shards
            .entry(Arc::clone(&plugin.name))
            .or_insert_with(|| stats.shard());
        let home = Home {
            plugin: Arc::clone(&plugin.name),
            worker: self.number,
            grants: plugin.settings.grants.clone(),
            keys: Arc::clone(&self.host.keys),
            limits: Arc::clone(&self.host.limits),
            passwords: Arc::clone(&self.host.passwords),
            secrets: Arc::clone(&self.host.secrets),
            http_clients: Arc::clone(&self.host.http_clients),
            memory: self.host.memories.of(&plugin.name),
            shard: Arc::clone(shard),
            stats,
        };
        Slot {
            plugin: Arc::downgrade(plugin),
            // Beside its state an exchange may keep others, as of a request under way, and a call has its own.
            room: (plugin.settings.limits.handles as usize / 4).max(1),
            home: Arc::new(home),
            instances: RefCell::default(),
            starting: Cell::new(0),
            started: Notify::new(),
            turn: Cell::new(0),
        }
    }

    /// A cell of a gate by its name; none when there is no room for it.
    pub(super) fn gate_cell(&self, gate: &Gate, name: &str, now: u64) -> Option<Arc<gate::Cell>> {
        let mut cells = self.cells.borrow_mut();
        cells.cell(gate, name, now).cloned()
    }

    /// Leaves an ending to `maintain`.
    pub(super) fn postpone(&self, ending: Ending) {
        self.endings.borrow_mut().push(ending);
        self.wake.notify_one();
    }

    /// Frees what belongs to dead plugins and dead configurations, and tells plugins that wait of endings.
    /// Never returns; each worker runs it beside its connections.
    pub(super) async fn maintain(&self) {
        loop {
            self.wake.notified().await;
            let endings = self.endings.take();
            futures_util::future::join_all(endings.into_iter().map(Ending::tell)).await;
            self.sweep().await;
        }
    }

    async fn sweep(&self) {
        self.decisions.borrow_mut().forget_dead();
        let slots: Vec<_> = {
            let mut slots = self.slots.borrow_mut();
            for slot in &mut *slots {
                slot.take_if(|slot| slot.plugin.strong_count() == 0);
            }
            slots.iter().flatten().cloned().collect()
        };
        for slot in slots {
            let instances = slot.instances.borrow().clone();
            for shared in instances {
                // One that is busy is swept at the next opportunity.
                let Some(mut lent) = slot.try_lend(&shared) else {
                    continue;
                };
                if let Err(kind) = lent.sweep().await {
                    let plugin = &*slot.home.plugin;
                    slot.home.shard.failed(Phase::Configure, &kind);
                    tracing::error!(plugin, "while it dropped a configuration: {kind}");
                }
            }
        }
    }
}

/// The instances of one plugin on one worker.
pub(super) struct Slot {
    plugin: Weak<Plugin>,
    /// Exchanges that may have their state in one instance.
    room: usize,
    pub(super) home: Arc<Home>,
    /// Those that new exchanges may use. A plugin that cannot wait needs but one, as long as that has room.
    instances: RefCell<Vec<Shared>>,
    /// How many more are being started.
    starting: Cell<usize>,
    /// One of them has been, or could not be.
    started: Notify,
    turn: Cell<usize>,
}

/// An instance that is being started. However that ends, those who wait for it look again.
struct Starting<'a>(&'a Slot);

impl<'a> Starting<'a> {
    fn begin(slot: &'a Slot) -> Self {
        slot.starting.set(slot.starting.get() + 1);
        Self(slot)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.starting.set(self.0.starting.get() - 1);
        self.0.started.notify_waiters();
    }
}

fn busy() -> FailureKind {
    FailureKind::Exhausted("all its instances are busy".into())
}

fn full() -> FailureKind {
    FailureKind::Exhausted(
        "all its instances keep as much as they can; see `limits.handles`".into(),
    )
}

impl Slot {
    fn is_of(&self, plugin: &Arc<Plugin>) -> bool {
        self.plugin.as_ptr() == Arc::as_ptr(plugin)
    }

    /// A warm instance that is in nobody's hands, and has room for another exchange.
    pub(super) fn free(self: &Rc<Self>) -> Option<Lent> {
        let instances = self.instances.borrow();
        let mut with_room = instances.iter().filter(|shared| self.has_room(shared));
        with_room.find_map(|shared| self.try_lend(shared))
    }

    /// Every exchange that has its state in an instance holds it.
    fn has_room(&self, shared: &Shared) -> bool {
        Rc::strong_count(shared) <= self.room
    }

    /// A warm instance; the first exchange starts it.
    pub(super) async fn warm(self: &Rc<Self>, plugin: &Plugin) -> Result<Lent, FailureKind> {
        loop {
            if let Some(free) = self.free() {
                return Ok(free);
            }
            if self.instances.borrow().len() + self.starting.get() < MOST_WAITING {
                let _starting = Starting::begin(self);
                let lent = self.fresh(plugin).await?;
                self.instances.borrow_mut().push(Rc::clone(lent.shared()));
                return Ok(lent);
            }
            if self.is_full() {
                return Err(full());
            }
            if let Some(shared) = self.next_in_turn() {
                let lent = self.lend(plugin, &shared).await?;
                return if lent.is_poisoned() {
                    self.fresh(plugin).await
                } else {
                    Ok(lent)
                };
            }
            // All of them are being started.
            let started =
                tokio::time::timeout(plugin.settings.limits.time, self.started.notified());
            started.await.map_err(|_| busy())?;
        }
    }

    fn next_in_turn(&self) -> Option<Shared> {
        let instances = self.instances.borrow();
        let with_room = || instances.iter().filter(|shared| self.has_room(shared));
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        let index = turn.checked_rem(with_room().count())?;
        with_room().nth(index).cloned()
    }

    /// Another exchange would be one too many for any of them, and cost those that are there their state.
    fn is_full(&self) -> bool {
        let instances = self.instances.borrow();
        self.starting.get() == 0 && !instances.iter().any(|shared| self.has_room(shared))
    }

    /// A new instance that nobody else knows.
    pub(super) async fn fresh(self: &Rc<Self>, plugin: &Plugin) -> Result<Lent, FailureKind> {
        let instance = Instance::start(plugin, &self.home).await?;
        let shared = Rc::new(Place::new(instance));
        Ok(self.try_lend(&shared).expect("nobody else knows it"))
    }

    /// This very instance, once its other exchanges have ended their calls.
    pub(super) async fn lend(
        self: &Rc<Self>,
        plugin: &Plugin,
        shared: &Shared,
    ) -> Result<Lent, FailureKind> {
        if let Some(lent) = self.try_lend(shared) {
            return Ok(lent);
        }
        let turn = tokio::time::timeout(plugin.settings.limits.time, shared.turn());
        let instance = turn.await.map_err(|_| busy())?;
        Ok(Lent::new(self, shared, instance))
    }

    fn try_lend(self: &Rc<Self>, shared: &Shared) -> Option<Lent> {
        Some(Lent::new(self, shared, shared.take()?))
    }

    /// No new exchange comes to this instance.
    pub(super) fn retire(&self, shared: &Shared) {
        self.instances
            .borrow_mut()
            .retain(|other| !Rc::ptr_eq(other, shared));
    }
}
