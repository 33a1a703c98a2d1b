//! The wasmtime engine: how guest code is compiled, bounded and given memory.
//!
//! One engine serves all plugins. `concurrency_support(false)` makes a warm call cheap: guests are called with a
//! plain `call`, and those that wait (see `admission`) on a fiber with `call_async`.

use std::{thread, time::Duration};

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

/// The step in which time limits are kept. Each costs a wake-up: on a virtual machine some 30 us, which is why it is no
/// shorter.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Table elements that the pool has room for in one table; `limits.table` cannot be more.
pub(super) const MOST_TABLE_ELEMENTS: u32 = 100_000;

/// Instances alive at once over all workers. Each reserves addresses (not memory) for one linear memory.
const MOST_INSTANCES: u32 = 2_000;

/// Makes the engine. Its clock stands until `tick`.
pub(super) fn engine() -> wasmtime::Result<Engine> {
    // Where the address space is too small for the pool (`ulimit -v`, 39-bit kernels), memory comes on demand.
    let engine =
        Engine::new(&config(InstanceAllocationStrategy::Pooling(pool()))).or_else(|error| {
            tracing::warn!("plugin instances are made without a pool, which is slower: {error:#}");
            Engine::new(&config(InstanceAllocationStrategy::OnDemand))
        })?;
    Ok(engine)
}

fn config(allocation: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(allocation)
        .concurrency_support(false)
        .epoch_interruption(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MOST_INSTANCES)
        .total_core_instances(MOST_INSTANCES * 4)
        .total_memories(MOST_INSTANCES)
        .total_tables(MOST_INSTANCES * 2)
        .total_stacks(MOST_INSTANCES)
        .max_memories_per_module(1)
        .max_tables_per_module(2)
        .table_elements(MOST_TABLE_ELEMENTS as usize)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Advances the epoch until the engine is gone.
pub(super) fn tick(engine: &Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    thread::Builder::new()
        .name(String::from("plugin-clock"))
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })?;
    Ok(())
}

/// Ticks after which at least `time` has passed: the first may come at once.
pub(super) fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(TICK.as_nanos()))
        .unwrap_or(u64::MAX - 1)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_cut_short() {
        assert_eq!(ticks(10 * TICK), 11);
        assert_eq!(ticks(TICK / 1000), 2);
        assert_eq!(ticks(Duration::ZERO), 1);
    }
}
