//! What is made of the settings, once per route.

use std::{cell::Cell, rc::Rc, str::FromStr};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use witgate_jose::Keys;
use witgate_plugin::{
    challenge::Realm,
    config::{HumanDuration, Problem},
    credential::Source,
    rules::{Rule, RuleConfig},
};

use crate::{
    claims::Wanted,
    fields::{self, Names},
    identity::Mapping,
    scopes::Scopes,
    settings::{IssuerSettings, Settings},
    trusted::{Trusted, normal_kind},
};

/// The parts of the settings that the exchanges need.
pub(crate) struct Prepared {
    pub(crate) trusted: Vec<Trusted>,
    pub(crate) wanted: Wanted,
    pub(crate) names: Names,
    pub(crate) scopes: Scopes,
    pub(crate) anonymous: bool,
    pub(crate) source: Source,
    pub(crate) forward: bool,
    pub(crate) realm: Realm,
    pub(crate) cache: usize,
}

/// Reports everything that is wrong at once.
pub(crate) fn prepare(mut settings: Settings) -> Result<Prepared, Vec<Problem>> {
    let mut problems = Vec::new();
    let default = || Source::header("authorization", Some("Bearer"));
    let source = Source::new(std::mem::take(&mut settings.from), default);
    let source = source.map_err(|problem| problems.push(problem.below("/from")));
    if settings.cache > 10_000 {
        problems.push(Problem::at("/cache", "write at most 10000"));
    }
    let realm = settings.realm.check();
    problems.extend(realm.map(|problem| problem.below("/realm")));
    let mut names = Names::default();
    let entries = entries(&mut settings, &mut problems);
    let trusted = entries
        .into_iter()
        .filter_map(|entry| entry.prepare(&settings, &mut names, &mut problems))
        .collect::<Vec<_>>();
    if problems.is_empty() && !settings.issuers.is_empty() {
        check_names(&trusted, &mut problems);
    }
    match source {
        Ok(source) if problems.is_empty() => Ok(Prepared {
            wanted: wanted(&trusted),
            trusted,
            names,
            scopes: settings.scopes,
            anonymous: settings.anonymous,
            source,
            forward: settings.forward,
            realm: settings.realm,
            cache: usize::from(settings.cache),
        }),
        _ => Err(distinct(problems)),
    }
}

/// What is wrong with the route is wrong for each of its issuers.
fn distinct(problems: Vec<Problem>) -> Vec<Problem> {
    let mut distinct = Vec::<Problem>::new();
    for problem in problems {
        if !distinct.contains(&problem) {
            distinct.push(problem);
        }
    }
    distinct
}

/// One issuer, however it was written.
struct Entry {
    settings: IssuerSettings,
    /// Its names, by the short form.
    issuers: Vec<String>,
    /// Where it stands: `""`, or `/issuers/0`.
    pointer: String,
}

fn entries(settings: &mut Settings, problems: &mut Vec<Problem>) -> Vec<Entry> {
    if settings.issuers.is_empty() {
        let Some(keys) = settings.keys.take() else {
            let message = "nobody's tokens would be believed; write `keys` with the name of a key set, or `issuers`";
            problems.push(Problem::at("", message));
            return Vec::new();
        };
        return vec![Entry {
            settings: IssuerSettings::with_keys(keys),
            issuers: std::mem::take(&mut settings.issuer).into_vec(),
            pointer: String::new(),
        }];
    }
    let elsewhere = "with `issuers`, each of them names its own; write it there";
    if settings.keys.is_some() {
        problems.push(Problem::at("/keys", elsewhere));
    }
    if !std::mem::take(&mut settings.issuer).into_vec().is_empty() {
        problems.push(Problem::at("/issuer", elsewhere));
    }
    let entries = settings.issuers.iter_mut().enumerate();
    entries
        .map(|(index, issuer)| {
            let keys = issuer.keys.clone();
            let mut settings = std::mem::replace(issuer, IssuerSettings::with_keys(keys));
            Entry {
                issuers: settings.issuer.take().into_iter().collect(),
                settings,
                pointer: format!("/issuers/{index}"),
            }
        })
        .collect()
}

impl IssuerSettings {
    /// All else is as the route says.
    fn with_keys(keys: String) -> Self {
        Self {
            keys,
            issuer: None,
            audience: None,
            algorithms: None,
            leeway: None,
            required_claims: None,
            kinds: None,
            require: Vec::new(),
            identity: None,
            claims_to_headers: None,
        }
    }
}

impl Entry {
    /// What counts for this issuer, and where that stands: its own word, else that of the route.
    fn word<'s, T>(&self, own: Option<&'s T>, route: &'s T, key: &str) -> (&'s T, String) {
        match own {
            Some(own) => (own, format!("{}/{key}", self.pointer)),
            None => (route, format!("/{key}")),
        }
    }

    fn prepare(
        mut self,
        route: &Settings,
        names: &mut Names,
        problems: &mut Vec<Problem>,
    ) -> Option<Trusted> {
        let issuers = std::mem::take(&mut self.issuers);
        let own = &self.settings;
        let keys = Keys::open(&own.keys).map_err(|message| {
            problems.push(Problem::at(format!("{}/keys", self.pointer), message));
        });
        let (written, at) = self.word(own.algorithms.as_ref(), &route.algorithms, "algorithms");
        let algorithms = algorithms(written, &at, problems);
        let (written, at) = self.word(own.leeway.as_ref(), &route.leeway, "leeway");
        let leeway = leeway(*written, at, problems);
        let map = own.claims_to_headers.as_ref();
        let (map, at) = self.word(map, &route.claims_to_headers, "claims-to-headers");
        let fields = fields::prepare(map, &at, names, problems);
        let (written, at) = self.word(own.identity.as_ref(), &route.identity, "identity");
        let identity = Mapping::new(written, &at, problems);
        let mut require = rules(&route.require, "/require", problems);
        let at = format!("{}/require", self.pointer);
        require.extend(rules(&own.require, &at, problems));
        let (audience, _) = self.word(own.audience.as_ref(), &route.audience, "audience");
        let (kinds, _) = self.word(own.kinds.as_ref(), &route.kinds, "type");
        let required = own.required_claims.as_ref();
        let (required, _) = self.word(required, &route.required_claims, "required-claims");
        Some(Trusted {
            keys: keys.ok()?,
            seen: Cell::new(0),
            issuers,
            audiences: audience.clone().into_vec(),
            algorithms,
            leeway,
            required: required.clone(),
            kinds: kinds
                .clone()
                .into_vec()
                .iter()
                .map(|kind| normal_kind(kind))
                .collect(),
            require,
            identity: identity?,
            fields,
        })
    }
}

/// With several issuers, the name in a token must lead to one of them.
fn check_names(trusted: &[Trusted], problems: &mut Vec<Problem>) {
    let mut known = Vec::<Rc<str>>::new();
    for (index, one) in trusted.iter().enumerate() {
        let own = one.issuers.first().map(|name| Rc::from(name.as_str()));
        let Some(name) = own.or_else(|| one.keys.issuer()) else {
            let message = "which tokens are of this issuer? write `issuer`, as they have it in `iss`, or declare the key set by its issuer";
            problems.push(Problem::at(format!("/issuers/{index}"), message));
            continue;
        };
        if known.contains(&name) {
            let message = format!("`{name}` is among the issuers already; write it once");
            problems.push(Problem::at(format!("/issuers/{index}"), message));
        }
        known.push(name);
    }
}

fn wanted(trusted: &[Trusted]) -> Wanted {
    Wanted::new(trusted.iter().flat_map(|one| {
        let paths = one.claims().map(|path| path.member());
        paths.chain(one.required.iter().map(String::as_str))
    }))
}

fn algorithms(names: &[String], pointer: &str, problems: &mut Vec<Problem>) -> Vec<Algorithm> {
    if names.is_empty() {
        let families = [
            AlgorithmFamily::Rsa,
            AlgorithmFamily::Ec,
            AlgorithmFamily::Ed,
        ];
        return families
            .iter()
            .flat_map(|family| family.algorithms())
            .copied()
            .collect();
    }
    let mut algorithms = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match Algorithm::from_str(name) {
            Ok(algorithm) => algorithms.push(algorithm),
            Err(_) => problems.push(Problem::at(
                format!("{pointer}/{index}"),
                format!("no algorithm is called `{name}`; there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256, HS384 and HS512"),
            )),
        }
    }
    algorithms
}

/// In seconds.
fn leeway(leeway: HumanDuration, pointer: String, problems: &mut Vec<Problem>) -> u64 {
    if leeway.0.as_secs() > 600 {
        let message = "a clock that far off is broken; write at most `10m`";
        problems.push(Problem::at(pointer, message));
    }
    leeway.0.as_secs()
}

fn rules(written: &[RuleConfig], pointer: &str, problems: &mut Vec<Problem>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (index, rule) in written.iter().enumerate() {
        match Rule::compile(rule.clone(), &format!("{pointer}/{index}")) {
            Ok(rule) => rules.push(rule),
            Err(wrong) => problems.extend(wrong),
        }
    }
    rules
}
