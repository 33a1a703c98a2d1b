//! What stands in the route file.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use witgate_plugin::{
    config,
    config::{HumanDuration, Problem},
    http::{Client, HeaderName, HeaderValue},
};

use crate::{OAuth2Client, cache::Cache, fetch::Question};

const LONGEST_MARGIN: Duration = Duration::from_secs(3600);

/// Obtains an access token by client credentials (RFC 6749 section 4.4) and presents it to the upstream.
#[config]
pub(crate) struct Settings {
    /// The entry of `http-clients` in `witgate.yaml` that is the authorization server, with its credentials under
    /// `authorization`.
    pub(crate) client: String,
    /// The path of the token endpoint, below the client's URL. Default: `/token`.
    #[serde(default = "default_path")]
    pub(crate) token_path: String,
    /// The client's identifier, for a client of `witgate.yaml` that has no `client-credentials` of its own. Default:
    /// none is sent.
    #[serde(default)]
    pub(crate) client_id: Option<String>,
    /// The scopes that are asked for. Default: what the server gives unasked.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// For whom the token shall be: the parameter `audience`, which some servers want. Default: none.
    #[serde(default)]
    pub(crate) audience: Option<String>,
    /// Further parameters of the token request, such as `resource` (RFC 8707). Default: none.
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, String>,
    /// The field that the upstream gets the token in; what the client sent in it never passes. Default: `authorization`.
    #[serde(default = "default_field")]
    pub(crate) field: String,
    /// What stands before the token in that field. Default: `"Bearer "` in `authorization`, nothing in others.
    #[serde(default)]
    pub(crate) prefix: Option<String>,
    /// How long before its end a token is renewed, while the old one is still used; of a token that does not live twice as
    /// long, half of its life. 1s to 1h. Default: `30s`.
    #[serde(default = "default_renew_before")]
    pub(crate) renew_before: HumanDuration,
    /// How long a token lives whose server does not say so (`expires_in`). At least 1s. Default: `5m`.
    #[serde(default = "default_lifetime")]
    pub(crate) default_lifetime: HumanDuration,
    /// Whether an upstream's 401 ends the life of a token that is at least 10 seconds old, so that the next request gets
    /// another. Default: false.
    #[serde(default)]
    pub(crate) renew_on_401: bool,
}

fn default_path() -> String {
    String::from("/token")
}

fn default_field() -> String {
    String::from("authorization")
}

fn default_renew_before() -> HumanDuration {
    HumanDuration::from_secs(30)
}

fn default_lifetime() -> HumanDuration {
    HumanDuration::from_secs(300)
}

/// Parameters that belong to the grant and to the client.
const TAKEN: [&str; 5] = [
    "grant_type",
    "scope",
    "audience",
    "client_id",
    "client_secret",
];

/// Judges the settings, with every problem at its place.
pub(crate) fn prepare(settings: Settings) -> Result<OAuth2Client, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut wrong = |pointer: String, message: &str| problems.push(Problem::at(pointer, message));
    let path = &settings.token_path;
    if !path.starts_with('/') || path.contains(['?', '#']) {
        let message = "this is no path; write it as `/oauth2/token`";
        wrong("/token-path".into(), message);
    }
    for (index, scope) in settings.scopes.iter().enumerate() {
        // RFC 6749 section 3.3.
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if scope.is_empty() || !scope.bytes().all(fits) {
            wrong(
                format!("/scopes/{index}"),
                "this is no scope; write each by itself, without spaces and quotes",
            );
        }
    }
    for name in settings.parameters.keys() {
        if TAKEN.contains(&name.as_str()) {
            let name = name.replace('~', "~0").replace('/', "~1");
            wrong(
                format!("/parameters/{name}"),
                "this parameter has a setting of its own, or belongs to `http-clients`",
            );
        }
    }
    if HeaderName::try_from(settings.field.as_str()).is_err() {
        wrong(
            "/field".into(),
            "this is no name of a header field (RFC 9110 section 5.1)",
        );
    }
    let field = settings.field.to_ascii_lowercase();
    let prefix = settings.prefix.unwrap_or_else(|| match &*field {
        "authorization" => String::from("Bearer "),
        _ => String::new(),
    });
    if HeaderValue::try_from(prefix.as_str()).is_err() {
        wrong("/prefix".into(), "this cannot stand in a header field");
    }
    let margin = settings.renew_before.0;
    if !(Duration::from_secs(1)..=LONGEST_MARGIN).contains(&margin) {
        wrong("/renew-before".into(), "write `1s` to `1h`");
    }
    if settings.default_lifetime.0 < Duration::from_secs(1) {
        wrong("/default-lifetime".into(), "write at least `1s`");
    }
    let client = Client::open(&settings.client)
        .map_err(|message| problems.push(Problem::at("/client", message)));
    let Ok(client) = client else {
        return Err(problems);
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut parameters: Vec<_> = settings.parameters.into_iter().collect();
    parameters.extend(settings.audience.map(|it| (String::from("audience"), it)));
    let question = Question {
        client,
        path: settings.token_path,
        client_id: settings.client_id.unwrap_or_default(),
        scopes: settings.scopes,
        parameters,
        default_lifetime: settings.default_lifetime.0,
    };
    Ok(OAuth2Client {
        cache: Cache::new(question, margin, prefix),
        field,
        renew_on_401: settings.renew_on_401,
        interval: (margin / 8).clamp(Duration::from_millis(100), Duration::from_secs(2)),
        renewal: RefCell::default(),
    })
}
