//! Programs that run beside this one and end with it.

use std::{
    process::{Child, Command},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::command;

/// A running program.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    pub(crate) fn start(name: &'static str, command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child })
    }

    /// An error if it has ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended ({status}); its log above says why", self.name),
            None => Ok(()),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end and waits until it has. Ctrl-C in a terminal has asked it already.
    pub(crate) fn terminate(&mut self) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_none() {
            command::run(Command::new("kill").arg(self.child.id().to_string()))?;
            command::wait(&mut self.child, Duration::from_secs(40))?;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
