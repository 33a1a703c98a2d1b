//! `on-tick`: work at intervals, in one instance for the whole gateway.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use super::{
    chain::Chain, failure::FailureKind, instance::Instance, phase::Phase, plugin::Plugin,
    settings::Settings,
};

/// The least time between two ticks, and between a failure and the next attempt.
const LEAST: Duration = Duration::from_millis(100);

/// The ticks of all living configurations; kept by the control thread.
#[derive(Debug, Default)]
pub struct Ticker {
    /// By `Settings::id`.
    running: HashMap<u64, JoinHandle<()>>,
}

impl Ticker {
    /// Starts the ticks of chains that came, stops those of chains that went. Call it inside the control runtime
    /// after each swap.
    pub fn update<'a>(&mut self, chains: impl IntoIterator<Item = &'a Chain>) {
        let mut wanted = HashMap::new();
        for links in chains.into_iter().filter_map(|chain| chain.0.as_ref()) {
            for link in links
                .links
                .iter()
                .filter(|link| link.plugin.phases.contains(Phase::Tick))
            {
                wanted.insert(link.settings.id, link);
            }
        }
        self.running.retain(|id, task| {
            let stays = wanted.contains_key(id);
            if !stays {
                task.abort();
            }
            stays
        });
        for (id, link) in wanted {
            self.running.entry(id).or_insert_with(|| {
                tokio::spawn(tick(Arc::clone(&link.plugin), Arc::clone(&link.settings)))
            });
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.running.values().for_each(JoinHandle::abort);
    }
}

/// Starts an instance, and another when it is spent or fails, until it is aborted.
async fn tick(plugin: Arc<Plugin>, settings: Arc<Settings>) {
    loop {
        let Err(kind) = tick_in_one(&plugin, &settings).await else {
            continue;
        };
        plugin.home.shard.failed(Phase::Tick, &kind);
        tracing::error!(
            plugin = plugin.name(),
            phase = Phase::Tick.name(),
            kind = kind.label(),
            "plugin {kind}"
        );
        tokio::time::sleep(LEAST).await;
    }
}

/// Ticks until the instance is spent.
async fn tick_in_one(plugin: &Plugin, settings: &Arc<Settings>) -> Result<(), FailureKind> {
    let mut instance = Instance::start(plugin, &plugin.home).await?;
    let config = instance.configuration(settings).await?;
    let Some((interval, handle)) = instance.exports.tick else {
        return Err(FailureKind::Invalid("`on-tick` is missing".into()));
    };
    while !instance.is_spent() {
        let (millis,) = instance.call(Phase::Tick, interval, (config,)).await?;
        tokio::time::sleep(Duration::from_millis(millis).max(LEAST)).await;
        let (done,) = instance.call(Phase::Tick, handle, (config,)).await?;
        done.map_err(|failure| FailureKind::Failed(failure.message.into()))?;
    }
    Ok(())
}
