//! What stands in the route file, and what is made of it once per route.

use std::{cell::RefCell, num::NonZeroUsize, rc::Rc, time::Duration};

use witgate_plugin::{
    challenge::Realm,
    config,
    config::{HumanDuration, OneOrMany, Problem},
    credential::{From, Source},
    http::Client,
    rules::{ClaimPath, Rule, RuleConfig},
};

use crate::{Introspection, demands::Demands, known::Known, server::Server};

/// Admits requests whose access token its authorization server calls active (RFC 7662, RFC 6750).
#[config]
pub(crate) struct Settings {
    /// The server: one of `http-clients` in `witgate.yaml`, whose `authorization` says how the gateway shows who it is.
    client: String,
    /// The path of the introspection endpoint below the client's URL, as in `/oauth2/introspect`. Default: that URL
    /// itself.
    #[serde(default)]
    path: String,
    /// Who may have issued the token (`iss`): one, or a list. A token without is refused then. Default: anybody whom
    /// the server vouches for.
    #[serde(default)]
    issuer: OneOrMany,
    /// For whom the token may be (`aud`): one, or a list. Without it, a token that names an audience is refused.
    #[serde(default)]
    audience: OneOrMany,
    /// Scopes that the token must have; else the answer is 403. Default: none.
    #[serde(default)]
    scopes: Vec<String>,
    /// A rule that what the server says must obey; else the answer is 403. Default: none.
    #[serde(default)]
    require: Option<RuleConfig>,
    /// The member of what the server says that names the tenant, as `org` or `/org/id`. Default: none.
    #[serde(default)]
    tenant: Option<String>,
    /// Where the token is. Default: `{ header: authorization, scheme: Bearer }`.
    #[serde(default)]
    from: From,
    /// How long an active token stays so without another question, at most: a revocation takes effect after this
    /// time. Never longer than the token's `exp`. Default: `1m`, at most `1h`.
    #[serde(default = "default_max_age")]
    max_age: HumanDuration,
    /// How long a token that is not active stays so without another question. Default: `10s`, at most `5m`.
    #[serde(default = "default_inactive_age")]
    inactive_age: HumanDuration,
    /// Whether the upstream gets the token. Default: true.
    #[serde(default = "default_forward")]
    forward: bool,
    /// The realm that clients are told. Default: `api`.
    #[serde(default)]
    realm: Realm,
    /// How many accepted tokens each worker remembers beside what all workers share. Default: 1000, 1 to 10000.
    #[serde(default = "default_cache")]
    cache: u16,
}

fn default_max_age() -> HumanDuration {
    HumanDuration::from_secs(60)
}

fn default_inactive_age() -> HumanDuration {
    HumanDuration::from_secs(10)
}

fn default_forward() -> bool {
    true
}

fn default_cache() -> u16 {
    1000
}

/// Reports everything that is wrong at once.
pub(crate) fn prepare(settings: Settings) -> Result<Introspection, Vec<Problem>> {
    let mut problems = Vec::new();
    let http = keep(&mut problems, "/client", Client::open(&settings.client));
    let bearer = || Source::header("authorization", Some("Bearer"));
    let source = Source::new(settings.from, bearer);
    let source = source.map_err(|problem| problems.push(problem.below("/from")));
    let tenant = settings.tenant.as_deref().map(ClaimPath::new).transpose();
    let tenant = keep(&mut problems, "/tenant", tenant).flatten();
    let require = settings.require.map(|rule| Rule::compile(rule, "/require"));
    let require = require.transpose().unwrap_or_else(|found| {
        problems.extend(found);
        None
    });
    let max_age = age(&mut problems, "/max-age", settings.max_age, "1h", 3600);
    let inactive_age = age(
        &mut problems,
        "/inactive-age",
        settings.inactive_age,
        "5m",
        300,
    );
    let realm = settings.realm.check();
    problems.extend(realm.map(|problem| problem.below("/realm")));
    let cache = NonZeroUsize::new(usize::from(settings.cache)).filter(|size| size.get() <= 10_000);
    if cache.is_none() {
        problems.push(Problem::at("/cache", "write 1 to 10000"));
    }
    let server = http.and_then(|http| {
        let server = Server::new(
            &settings.client,
            http,
            &settings.path,
            max_age,
            inactive_age,
        );
        keep(&mut problems, "/path", server)
    });
    match (server, cache, source) {
        (Some(server), Some(cache), Ok(source)) if problems.is_empty() => Ok(Introspection {
            server: Rc::new(server),
            demands: Demands {
                issuers: settings.issuer.into_vec(),
                audiences: settings.audience.into_vec(),
                scopes: settings.scopes,
                require,
                tenant,
            },
            source,
            realm: settings.realm,
            forward: settings.forward,
            known: RefCell::new(Known::new(cache)),
        }),
        _ => Err(problems),
    }
}

fn keep<T>(problems: &mut Vec<Problem>, place: &str, result: Result<T, String>) -> Option<T> {
    result
        .map_err(|message| problems.push(Problem::at(place, message)))
        .ok()
}

fn age(
    problems: &mut Vec<Problem>,
    place: &str,
    age: HumanDuration,
    most: &str,
    seconds: u64,
) -> Duration {
    if age.0 > Duration::from_secs(seconds) || age.0 < Duration::from_secs(1) {
        problems.push(Problem::at(place, format!("write `1s` to `{most}`")));
    }
    age.0
}
