//! The composition root: read, bind, serve, reload, drain.

mod control;
mod crew;
mod error;
mod signals;

use std::{path::PathBuf, rc::Rc, sync::Arc};

pub use control::{Control, LastReload, Reason};
pub use error::Error;

use crate::{
    admin,
    assembly::Assembly,
    config::load,
    pipeline::sandbox::{Host, Keys},
    telemetry::{access::AccessLog, log},
};
use crew::Crew;
use signals::{Signals, Told};

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// `witgate.yaml`
    pub config: PathBuf,
    /// Where compiled components are kept; none: nowhere.
    pub cache: Option<PathBuf>,
}

/// Runs the gateway until it is told to stop and has drained.
///
/// # Errors
/// When it cannot start. Nothing that happens later ends it.
pub fn run(options: &Options) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(Default::default())
        .map_err(Error::Machine)?;
    runtime.block_on(control(options))
}

async fn control(options: &Options) -> Result<(), Error> {
    let signals = Signals::install().map_err(Error::Machine)?;
    // The log comes first, so that what the making of the rest has to say is not lost.
    let files = load(&options.config, None);
    if let Some(raw) = &files.gateway.raw {
        log::install(&raw.logging);
    }
    let host =
        Host::new(options.cache.as_deref(), Arc::new(Keys::default())).map_err(Error::Host)?;
    let assembly = Assembly::new(&options.config, &host).after(files);
    let (control, raw) = Control::start(assembly, &host)?;
    control.await_descriptors().await;
    let admin = admin::bind(*raw.admin.address).map_err(|source| Error::Bind {
        address: *raw.admin.address,
        source,
    })?;
    let (access, writer) = AccessLog::start().map_err(Error::Machine)?;
    let serving = Crew::bind(&control, &raw, &host)?.start(&control, &raw, &access)?;
    // The workers have handles of their own; the writer ends with the last.
    drop(access);
    serving.announce(admin.local_addr().map_err(Error::Machine)?);

    let control = Rc::new(control);
    tokio::task::spawn_local(admin::serve(admin, Rc::clone(&control)));
    let watching = tokio::task::spawn_local(Rc::clone(&control).watch());
    let following = tokio::task::spawn_local(Rc::clone(&control).follow_descriptors());
    let limits = Arc::clone(host.limits());
    let sweeping = tokio::task::spawn_local(async move { limits.sweep().await });
    control.set_ready(true);
    tracing::info!(generation = control.snapshot().generation, "ready");

    until_told_to_stop(&control, signals).await;
    control.set_ready(false);
    watching.abort();
    following.abort();
    sweeping.abort();
    tracing::info!("draining");
    serving
        .drain(control.snapshot().settings.timeouts.drain)
        .await;
    tracing::info!("stopped");
    // Every worker has handed its lines over, and with them its handle.
    let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    Ok(())
}

async fn until_told_to_stop(control: &Control, mut signals: Signals) {
    loop {
        match signals.next().await {
            Told::Stop => return,
            Told::Reload => {
                control.reload(Reason::Signal);
            }
        }
    }
}
