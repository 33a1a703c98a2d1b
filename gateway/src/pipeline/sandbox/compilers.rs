//! How many cores compiling may take: all of them before there is traffic, few beside it.

use std::{num::NonZero, sync::OnceLock, thread};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The threads that compile beside workers; wasmtime compiles on the pool that it is called in.
#[derive(Debug, Default)]
pub(super) struct Compilers {
    /// None when the machine has no thread to spare: then the pool of the process has to do.
    beside: OnceLock<Option<ThreadPool>>,
}

/// One in four cores, at least one.
fn most() -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    (cores / 4).max(1)
}

impl Compilers {
    /// Compiles while workers serve.
    pub(super) fn beside<R: Send>(&self, compile: impl FnOnce() -> R + Send) -> R {
        let pool = self.beside.get_or_init(|| {
            let pool = ThreadPoolBuilder::new()
                .num_threads(most())
                .thread_name(|number| format!("compiler-{number}"))
                .build();
            pool.map_err(|error| tracing::warn!("plugins are compiled on all cores: {error}"))
                .ok()
        });
        match pool {
            Some(pool) => pool.install(compile),
            None => compile(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_threads_compile_beside_workers() {
        let compilers = Compilers::default();
        let (name, threads) = compilers.beside(|| {
            let name = thread::current().name().map(String::from);
            (name, rayon::current_num_threads())
        });
        assert!(name.is_some_and(|name| name.starts_with("compiler-")));
        assert_eq!(threads, most());
    }
}
