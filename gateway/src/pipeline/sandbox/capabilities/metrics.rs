//! `metrics`: a plugin's own series.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use wasmtime::component::Resource;

use crate::pipeline::sandbox::{
    bindings::metrics::{Host, HostCounter, HostGauge},
    state::State,
};

/// A series that counts up; the cell is this worker's share of it, none when it was refused.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Counter(Option<Arc<AtomicU64>>);

/// A series that goes up and down, shared by all workers; none when it was refused.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Gauge(Option<Arc<AtomicI64>>);

impl Host for State {}

impl HostCounter for State {
    fn new(
        &mut self,
        name: String,
        labels: Vec<(String, String)>,
    ) -> wasmtime::Result<Resource<Counter>> {
        let cell = self
            .home
            .stats
            .series
            .counter(&name, &labels, self.home.worker);
        Ok(self.table.push(Counter(cell))?)
    }

    fn add(&mut self, this: Resource<Counter>, value: u64) -> wasmtime::Result<()> {
        if let Counter(Some(cell)) = self.table.get(&this)? {
            cell.store(cell.load(Relaxed).wrapping_add(value), Relaxed);
        }
        Ok(())
    }

    fn drop(&mut self, this: Resource<Counter>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostGauge for State {
    fn new(
        &mut self,
        name: String,
        labels: Vec<(String, String)>,
    ) -> wasmtime::Result<Resource<Gauge>> {
        let cell = self.home.stats.series.gauge(&name, &labels);
        Ok(self.table.push(Gauge(cell))?)
    }

    fn set(&mut self, this: Resource<Gauge>, value: i64) -> wasmtime::Result<()> {
        if let Gauge(Some(cell)) = self.table.get(&this)? {
            cell.store(value, Relaxed);
        }
        Ok(())
    }

    fn drop(&mut self, this: Resource<Gauge>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
