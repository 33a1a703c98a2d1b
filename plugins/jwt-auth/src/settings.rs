//! What stands in the route file, and what is made of it once per route.

use std::{collections::BTreeMap, str::FromStr};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use schemars::JsonSchema;
use serde::Deserialize;
use witgate_plugin::{
    config,
    config::{HumanDuration, Problem},
};

use crate::{claims::Path, source::Source};

/// Admits requests that carry a valid JSON Web Token (RFC 7519, RFC 6750).
#[config]
pub(crate) struct Settings {
    /// The key set of `witgate.yaml` whose keys sign the tokens.
    pub(crate) keys: String,
    /// Who may have issued the token (`iss`): one, or a list. Default: anybody with one of the keys.
    #[serde(default)]
    pub(crate) issuer: OneOrMany,
    /// For whom the token may be (`aud`): one, or a list. Without it, a token that names an audience is refused
    /// (RFC 7519 section 4.1.3).
    #[serde(default)]
    pub(crate) audience: OneOrMany,
    /// Accepted signature algorithms. Default: RS*, PS*, ES* and EdDSA, as the key allows; the HS* ones only when
    /// they are written here.
    #[serde(default)]
    pub(crate) algorithms: Vec<String>,
    /// How far the issuer's clock may be off. Default: `60s`, at most `10m`.
    #[serde(default = "default_leeway")]
    pub(crate) leeway: HumanDuration,
    /// Claims that must be there. Default: `[exp]`.
    #[serde(default = "default_required_claims")]
    pub(crate) required_claims: Vec<String>,
    /// Scopes that the token must have, in `scope` or `scp`; else the answer is 403. Default: none.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// Where the token is. Default: `{ header: authorization, scheme: Bearer }`.
    #[serde(default)]
    pub(crate) from: From,
    /// Claims that the upstream gets as header fields: `CLAIM: FIELD`. A claim within another is written as a JSON
    /// pointer: `/realm_access/roles`. What the client sends in these fields never passes.
    #[serde(default)]
    pub(crate) claims_to_headers: BTreeMap<String, String>,
    /// Whether the upstream gets the token. Default: true.
    #[serde(default = "default_forward")]
    pub(crate) forward: bool,
    /// The realm that clients are told. Default: `api`.
    #[serde(default = "default_realm")]
    pub(crate) realm: String,
    /// How many verified tokens each worker remembers; 0 for none. Default: 1000, at most 10000.
    #[serde(default = "default_cache")]
    pub(crate) cache: u16,
}

/// Where the token is: exactly one of `header`, `cookie` and `query`.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct From {
    /// A header field.
    pub(crate) header: Option<String>,
    /// The word before the token in that field. Default: `Bearer` for `authorization`, else none.
    pub(crate) scheme: Option<String>,
    /// A cookie.
    pub(crate) cookie: Option<String>,
    /// A parameter of the query. Such tokens end up in logs and histories; prefer the others.
    pub(crate) query: Option<String>,
}

/// One value, or a list of them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

fn default_leeway() -> HumanDuration {
    HumanDuration::from_secs(60)
}

fn default_required_claims() -> Vec<String> {
    vec![String::from("exp")]
}

fn default_forward() -> bool {
    true
}

fn default_realm() -> String {
    String::from("api")
}

fn default_cache() -> u16 {
    1000
}

/// What a token must be like.
pub(crate) struct Demands {
    pub(crate) issuers: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    /// In seconds.
    pub(crate) leeway: u64,
    pub(crate) required: Vec<String>,
    pub(crate) scopes: Vec<String>,
    /// Which claim goes into which field.
    pub(crate) fields: Vec<(Path, String)>,
}

/// The parts of the settings that the exchanges need.
pub(crate) struct Prepared {
    pub(crate) demands: Demands,
    pub(crate) source: Source,
    pub(crate) forward: bool,
    pub(crate) realm: String,
    pub(crate) cache: usize,
    pub(crate) keys: String,
}

/// Reports everything that is wrong at once.
pub(crate) fn prepare(settings: Settings) -> Result<Prepared, Vec<Problem>> {
    let mut problems = Vec::new();
    let source = Source::new(settings.from).map_err(|problem| problems.push(problem));
    let algorithms = algorithms(&settings.algorithms, &mut problems);
    let fields = fields(settings.claims_to_headers, &mut problems);
    if settings.leeway.0.as_secs() > 600 {
        let message = "a clock that far off is broken; write at most `10m`";
        problems.push(Problem::at("/leeway", message));
    }
    if settings.cache > 10_000 {
        problems.push(Problem::at("/cache", "write at most 10000"));
    }
    if !settings
        .realm
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~'))
    {
        let message = "a realm is printable ASCII (RFC 9110 section 11.5)";
        problems.push(Problem::at("/realm", message));
    }
    match source {
        Ok(source) if problems.is_empty() => Ok(Prepared {
            demands: Demands {
                issuers: settings.issuer.into_vec(),
                audiences: settings.audience.into_vec(),
                algorithms,
                leeway: settings.leeway.0.as_secs(),
                required: settings.required_claims,
                scopes: settings.scopes,
                fields,
            },
            source,
            forward: settings.forward,
            realm: settings.realm,
            cache: usize::from(settings.cache),
            keys: settings.keys,
        }),
        _ => Err(problems),
    }
}

fn algorithms(names: &[String], problems: &mut Vec<Problem>) -> Vec<Algorithm> {
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
                format!("/algorithms/{index}"),
                format!("no algorithm is called `{name}`; there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256, HS384 and HS512"),
            )),
        }
    }
    algorithms
}

fn fields(map: BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Vec<(Path, String)> {
    let mut fields = Vec::<(Path, String)>::new();
    for (claim, field) in map {
        let pointer = format!(
            "/claims-to-headers/{}",
            claim.replace('~', "~0").replace('/', "~1")
        );
        if let Some(message) = complaint(&field) {
            problems.push(Problem::at(pointer, message));
        } else if fields
            .iter()
            .any(|(_, known)| known.eq_ignore_ascii_case(&field))
        {
            let message = format!("`{field}` already gets another claim; name another field");
            problems.push(Problem::at(pointer, message));
        } else {
            fields.push((Path::new(&claim), field.to_ascii_lowercase()));
        }
    }
    fields
}

/// What the gateway lets no plugin set.
const GATEWAY_OWNED: [&str; 15] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

fn complaint(field: &str) -> Option<String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if field.is_empty() || !field.bytes().all(token) {
        return Some(format!("`{field}` is no name of a header field"));
    }
    GATEWAY_OWNED
        .iter()
        .any(|owned| owned.eq_ignore_ascii_case(field))
        .then(|| format!("`{field}` belongs to the gateway; name another field"))
}
