//! Memory and tables of one instance: held to their limits, and measured.

use wasmtime::ResourceLimiter;

/// What one instance may take, and what it took.
#[derive(Debug)]
pub(super) struct Meter {
    memory_limit: usize,
    table_limit: usize,
    /// All linear memories of the instance together, in bytes.
    memory: usize,
    table: usize,
    refused: bool,
}

impl Meter {
    pub(super) fn new(memory_limit: u64, table_limit: u32) -> Self {
        Self {
            memory_limit: usize::try_from(memory_limit).unwrap_or(usize::MAX),
            table_limit: table_limit as usize,
            memory: 0,
            table: 0,
            refused: false,
        }
    }

    /// Whether something was refused since the last question.
    pub(super) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// Memory never shrinks: an instance beyond three quarters of its limit had better be replaced.
    pub(super) fn nearly_full(&self) -> bool {
        self.memory > self.memory_limit / 4 * 3
    }

    fn admit(taken: &mut usize, limit: usize, current: usize, desired: usize) -> bool {
        let after = taken.saturating_add(desired.saturating_sub(current));
        let fits = after <= limit;
        if fits {
            *taken = after;
        }
        fits
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = Self::admit(&mut self.memory, self.memory_limit, current, desired);
        self.refused |= !fits;
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = Self::admit(&mut self.table, self.table_limit, current, desired);
        self.refused |= !fits;
        Ok(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_count_together() {
        let mut meter = Meter::new(100, 10);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.memory_growing(0, 40, None).unwrap());
        assert!(!meter.memory_growing(60, 61, None).unwrap());
        assert!(meter.take_refused() && !meter.take_refused());
        assert!(meter.nearly_full());
    }
}
