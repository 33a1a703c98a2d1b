//! From files to what can be compiled: route files, components, key sets, descriptors and certificates, read
//! together.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::ServerConfig;

use crate::{
    config::{
        self, load, load_again,
        problem::{Problem, Severity},
        raw,
        watch::Changed,
    },
    pipeline::{
        listen::compile_tls,
        sandbox::{Declared, Found, Host, Plugins, check_grants},
    },
    snapshot::{GatewayFile, Loaded, LoadedFile, LoadedGateway, Outcome, Reloader},
};

/// Reads the configuration again and again; what did not change is kept.
pub struct Assembly {
    path: PathBuf,
    host: Arc<Host>,
    files: Option<config::Loaded>,
    plugins: Option<Arc<Plugins>>,
    /// The key sets of the last reading, until it is live or refused.
    declared: Option<Declared>,
}

/// The TLS settings of each listener, in their order; none for one that is cleartext.
pub type Tls = Vec<Option<Arc<ServerConfig>>>;

/// What one reading found.
pub struct Assembled {
    pub inputs: Loaded,
    /// None when one of them is wrong.
    pub tls: Option<Tls>,
    /// What does not keep anything from being compiled.
    pub warnings: Vec<Problem>,
    /// A route has gone from a file that alone was looked at: another file may be about to bring it.
    pub takes_away: bool,
}

/// The names of the routes in the files that changed, when only some did.
fn names_in(files: &config::Loaded, changed: &Changed) -> HashSet<String> {
    let Changed::Routes(names) = changed else {
        return HashSet::new();
    };
    let files = names.iter().filter_map(|name| files.route_file(name));
    let routes = files
        .filter_map(|file| file.raw.as_ref())
        .flat_map(|raw| &raw.routes);
    routes.map(|route| String::clone(&route.name)).collect()
}

impl Assembly {
    pub fn new(path: &Path, host: &Arc<Host>) -> Self {
        Self {
            path: path.to_owned(),
            host: Arc::clone(host),
            files: None,
            plugins: None,
            declared: None,
        }
    }

    /// Goes on from files that were read before there was a host.
    #[must_use]
    pub fn after(mut self, files: config::Loaded) -> Self {
        self.files = Some(files);
        self
    }

    /// Looks for what has changed since the last time, and reads it.
    pub fn read(&mut self) -> Assembled {
        self.read_changed(&Changed::Anything)
    }

    /// Reads what has changed since the last time, if it is known where to look.
    pub fn read_changed(&mut self, changed: &Changed) -> Assembled {
        let before = self.files.as_ref().map(|files| names_in(files, changed));
        let files = match (self.files.take(), changed) {
            (Some(files), Changed::Routes(names)) => load_again(files, names),
            (files, _) => load(&self.path, files.as_ref()),
        };
        let after = names_in(&files, changed);
        let takes_away = before.is_some_and(|before| !before.is_subset(&after));
        let mut files = files;
        let mut warnings = Vec::new();
        let gateway = self.gateway(&mut files, &mut warnings);
        let (gateway, tls) = match gateway {
            Ok((gateway, tls)) => (Ok(gateway), Some(tls)),
            Err(problems) => (Err(problems), None),
        };
        warnings.extend(
            files
                .problems()
                .filter(|problem| problem.severity == Severity::Warning)
                .cloned(),
        );
        let routes = files.routes.iter().map(|source| LoadedFile {
            path: Arc::clone(&source.path),
            raw: source.raw.clone().ok_or_else(|| errors(&source.problems)),
        });
        let inputs = Loaded {
            gateway,
            files: routes.collect(),
            problems: errors(&files.folder_problems),
        };
        self.files = Some(files);
        Assembled {
            inputs,
            tls,
            warnings,
            takes_away,
        }
    }

    /// What was read last is compiled, or refused. Key sets and descriptors follow `witgate.yaml`: if it did not go
    /// live, they stay what they are.
    pub fn settle(&mut self, reloader: &Reloader, outcome: &Outcome) {
        let live = reloader.gateway();
        if let Some(plugins) = &self.plugins {
            plugins.settle();
        }
        let read = self
            .files
            .as_ref()
            .and_then(|files| files.gateway.raw.as_ref());
        let went_live = read.is_some_and(|read| Arc::ptr_eq(read, live));
        let keys = self.host.keys();
        match self.declared.take() {
            Some(declared) if went_live => keys.commit(declared),
            Some(declared) => keys.withdraw(declared),
            None => {}
        }
        let descriptors = self.host.descriptors();
        if went_live {
            self.host.secrets().commit();
            self.host.http_clients().commit();
            self.host.limits().commit();
            descriptors.commit(reloader.catalog(), &outcome.refused);
            self.host.files().commit(&outcome.refused);
            self.host.forget_decisions();
        } else {
            self.host.secrets().withdraw();
            self.host.http_clients().withdraw();
            self.host.limits().withdraw();
            descriptors.withdraw();
            self.host.files().withdraw();
        }
    }

    /// The files as they were read last.
    pub fn files(&self) -> Option<&config::Loaded> {
        self.files.as_ref()
    }

    /// What to watch beside `witgate.yaml` and the folder of route files.
    pub fn extra_files(&self) -> Vec<PathBuf> {
        let Some(files) = &self.files else {
            return Vec::new();
        };
        let Some(raw) = &files.gateway.raw else {
            return Vec::new();
        };
        let components = raw.plugins.values().map(|plugin| &plugin.component.value);
        let keys = raw
            .key_sets
            .values()
            .filter_map(|set| set.file.as_ref().map(|file| &file.value));
        let tls = raw
            .listeners
            .iter()
            .filter_map(|listener| listener.tls.as_ref());
        let authorities = tls.clone().filter_map(|tls| tls.client_ca.as_deref());
        let certificates = tls.flat_map(|tls| &tls.certificates);
        let certificates =
            certificates.flat_map(|pair| [&pair.certificate.value, &pair.value.key.value]);
        let mut files: Vec<_> = components
            .chain(keys)
            .chain(authorities)
            .chain(certificates)
            .map(|path| files.base().join(path))
            .collect();
        files.extend(self.host.descriptors().files());
        files.extend(self.host.secrets().files());
        files.extend(self.host.files().files());
        files
    }

    fn gateway(
        &mut self,
        files: &mut config::Loaded,
        warnings: &mut Vec<Problem>,
    ) -> Result<(LoadedGateway, Tls), Vec<Problem>> {
        let source = &Arc::clone(&files.gateway);
        let raw = source
            .raw
            .as_ref()
            .ok_or_else(|| errors(&source.problems))?;
        let mut problems = check_grants(raw, &source.path);
        let secrets = self.host.secrets();
        let secrets = secrets.declare(&raw.secrets, &source.path, files.base());
        if secrets.complete {
            // Those of before stay.
            warnings.extend(secrets.problems);
        } else {
            problems.extend(secrets.problems);
        }
        self.key_sets(raw, source, files.base())
            .unwrap_or_else(|found| problems.extend(found));
        let limiters = self.host.limits().declare(&raw.rate_limits, &source.path);
        let limiters = limiters.unwrap_or_else(|found| {
            problems.extend(found);
            Arc::default()
        });
        self.http_clients(raw, source)
            .unwrap_or_else(|found| problems.extend(found));
        let found = self.descriptors(raw, source, files.base());
        files.others = found.texts;
        match &found.catalog {
            // The last good content stays.
            Some(_) => warnings.extend(found.problems),
            None => problems.extend(found.problems),
        }
        let data = self.host.files();
        let data = data.declare(&raw.files, &source.path, files.base());
        match &data.catalog {
            Some(_) => warnings.extend(data.problems),
            None => problems.extend(data.problems),
        }
        let plugins = match self.plugins(raw, source, files.base()) {
            Ok(plugins) => Some(plugins),
            Err(found) => {
                problems.extend(found);
                None
            }
        };
        let mut tls = Vec::with_capacity(raw.listeners.len());
        for listener in &raw.listeners {
            match listener
                .tls
                .as_ref()
                .map(|tls| compile_tls(tls, &source.path, files.base()))
            {
                None => tls.push(None),
                Some(Ok(config)) => tls.push(Some(config)),
                Some(Err(found)) => problems.extend(found),
            }
        }
        match (plugins, found.catalog, data.catalog) {
            (Some(plugins), Some(descriptors), Some(data)) if problems.is_empty() => {
                let gateway = GatewayFile {
                    path: Arc::clone(&source.path),
                    raw: Arc::clone(raw),
                };
                let gateway = LoadedGateway {
                    file: gateway,
                    plugins,
                    catalog: Arc::new(descriptors.and(&data)),
                    limiters,
                };
                Ok((gateway, tls))
            }
            _ => Err(problems),
        }
    }

    /// Before the chains are compiled: plugins open key sets when they judge their configuration.
    fn key_sets(
        &mut self,
        raw: &raw::Gateway,
        source: &config::Source<raw::Gateway>,
        base: &Path,
    ) -> Result<(), Vec<Problem>> {
        // Without a runtime this is a check, and nothing is fetched.
        let control = tokio::runtime::Handle::try_current().ok();
        let keys = self.host.keys();
        self.declared = Some(keys.declare(&raw.key_sets, &source.path, base, control.as_ref())?);
        Ok(())
    }

    /// Once the secrets that they name are declared.
    fn http_clients(
        &self,
        raw: &raw::Gateway,
        source: &config::Source<raw::Gateway>,
    ) -> Result<(), Vec<Problem>> {
        // Without a runtime this is a check.
        let serves = tokio::runtime::Handle::try_current().is_ok();
        let clients = self.host.http_clients();
        let secrets = self.host.secrets();
        clients.declare(&raw.http_clients, &source.path, secrets, serves)
    }

    /// Before the chains are compiled, too.
    fn descriptors(
        &self,
        raw: &raw::Gateway,
        source: &config::Source<raw::Gateway>,
        base: &Path,
    ) -> Found {
        let control = tokio::runtime::Handle::try_current().ok();
        let descriptors = self.host.descriptors();
        descriptors.declare(&raw.descriptors, &source.path, base, control.as_ref())
    }

    fn plugins(
        &mut self,
        raw: &raw::Gateway,
        source: &config::Source<raw::Gateway>,
        base: &Path,
    ) -> Result<Arc<Plugins>, Vec<Problem>> {
        let plugins = Plugins::load(
            &self.host,
            &raw.plugins,
            &source.path,
            base,
            self.plugins.as_deref(),
        )?;
        let plugins = Arc::new(plugins);
        self.plugins = Some(Arc::clone(&plugins));
        Ok(plugins)
    }
}

fn errors(problems: &[Problem]) -> Vec<Problem> {
    problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .cloned()
        .collect()
}
