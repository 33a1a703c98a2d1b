//! Waits for a guest on a thread that may already be inside a runtime.

use futures_util::FutureExt;

/// Runs guest code to its end. Guests that cannot wait are ready at once; for the others a thread with a runtime
/// of its own is used, since the caller may be inside one.
pub(super) fn block_on<R: Send>(waits: bool, work: impl AsyncFnOnce() -> R + Send) -> R {
    if !waits {
        return work()
            .now_or_never()
            .expect("a guest that cannot wait returns at once");
    }
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            runtime
                .expect("a runtime without IO needs nothing")
                .block_on(work())
        });
        ran.join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
