//! What stands in the route file, and what is made of it once per route.

use std::{collections::BTreeMap, time::Duration};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use oauth2::url::Url;
use witgate_jose::Keys;
use witgate_plugin::{
    config,
    config::{HumanDuration, Problem},
    http::Client,
    rules::{ClaimPath, Rule, RuleConfig},
    secrets::Secret,
};

use crate::{issuer::Issuer, login::Login, sessions::Sessions, tokens::Grants};

/// Signs browsers in with OpenID Connect, and keeps their sessions in sealed cookies.
#[config]
pub(crate) struct Settings {
    /// The issuer, exactly as its configuration and its ID tokens name it.
    issuer: String,
    /// The issuer's server: one of `http-clients` in `witgate.yaml`. Below its URL lies
    /// `/.well-known/openid-configuration`.
    client: String,
    /// The same server, or another that has the issuer's token endpoint, as one of `http-clients` whose
    /// `authorization` has the credentials of this client. Default: `client`.
    #[serde(default)]
    token_client: Option<String>,
    /// The key set of `witgate.yaml` whose keys sign the ID tokens.
    keys: String,
    /// One of `secrets` in `witgate.yaml`, which seals the cookies.
    secret: String,
    /// As what the gateway is registered with the issuer.
    client_id: String,
    /// Scopes to ask for besides `openid`. Default: none.
    #[serde(default)]
    scopes: Vec<String>,
    /// Parameters to add to the request for a login, as `prompt` or `acr_values`. Default: none.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// The gateway as browsers see it, as in `https://shop.example.com`. Default: scheme and host of the request;
    /// write it where a proxy before the gateway changes them.
    #[serde(default)]
    origin: Option<String>,
    /// The path that the issuer sends browsers back to; it must be on this route. Default: `/oauth2/callback`.
    #[serde(default = "default_callback")]
    callback: String,
    /// The path that ends a session; it must be on this route. Default: `/oauth2/logout`.
    #[serde(default = "default_logout")]
    logout: String,
    /// The path where the browser is sent after a logout. Default: `/`.
    #[serde(default = "default_after_logout")]
    after_logout: String,
    /// Whether the issuer is asked for more than stands in the ID token, at each login and refresh. Default: false.
    #[serde(default)]
    userinfo: bool,
    /// A rule that the claims must obey; else the answer is 403. Default: none.
    #[serde(default)]
    require: Option<RuleConfig>,
    /// The claim that names the tenant, as `org` or `/org/id`. Default: none.
    #[serde(default)]
    tenant: Option<String>,
    /// Whether the upstream gets the access token, as `authorization: Bearer`. Default: false.
    #[serde(default)]
    forward_access_token: bool,
    /// The session's cookie. It is called `__Host-NAME` where it goes over https alone. Default: `session`.
    #[serde(default = "default_cookie")]
    cookie: String,
    /// Whether cookies go over https alone. Default: true, but for http on a loopback address.
    #[serde(default)]
    secure: Option<bool>,
    /// A session ends when it is not used for so long. Default: `30m`; at least `1m`, at most `lifetime`.
    #[serde(default = "default_idle")]
    idle: HumanDuration,
    /// A session ends after this time, used or not. Default: `12h`, at most `720h`.
    #[serde(default = "default_lifetime")]
    lifetime: HumanDuration,
}

fn default_callback() -> String {
    String::from("/oauth2/callback")
}

fn default_logout() -> String {
    String::from("/oauth2/logout")
}

fn default_after_logout() -> String {
    String::from("/")
}

fn default_cookie() -> String {
    String::from("session")
}

fn default_idle() -> HumanDuration {
    HumanDuration::from_secs(30 * 60)
}

fn default_lifetime() -> HumanDuration {
    HumanDuration::from_secs(12 * 3600)
}

/// The settings that the exchanges need as they are.
pub(crate) struct Fixed {
    pub(crate) origin: Option<String>,
    pub(crate) secure: Option<bool>,
    pub(crate) callback: String,
    pub(crate) logout: String,
    pub(crate) after_logout: String,
    pub(crate) cookie: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) userinfo: bool,
    pub(crate) forward_access_token: bool,
    pub(crate) require: Option<Rule>,
}

/// Reports everything that is wrong at once.
pub(crate) fn prepare(settings: Settings) -> Result<Login, Vec<Problem>> {
    let mut problems = Vec::new();
    check(&settings, &mut problems);
    let mut keep = Keep(&mut problems);
    let client = keep.open("/client", Client::open(&settings.client));
    let tokens = match &settings.token_client {
        Some(name) => keep.open("/token-client", Client::open(name)),
        None => client.clone(),
    };
    let keys = keep.open("/keys", Keys::open(&settings.keys));
    let secret = keep.open("/secret", Secret::open(&settings.secret));
    let tenant = settings.tenant.as_deref().map(ClaimPath::new).transpose();
    let tenant = keep.open("/tenant", tenant).flatten();
    let require = settings.require.map(|rule| Rule::compile(rule, "/require"));
    let require = require.transpose().unwrap_or_else(|found| {
        problems.extend(found);
        None
    });
    let (Some(client), Some(tokens), Some(keys), Some(secret)) = (client, tokens, keys, secret)
    else {
        return Err(problems);
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut scopes = vec![String::from("openid")];
    scopes.extend(
        settings
            .scopes
            .into_iter()
            .filter(|scope| scope != "openid"),
    );
    Ok(Login {
        grants: Grants::new(&settings.client_id, tokens, client.clone()),
        sessions: Sessions {
            secret,
            realm: format!("{}\0{}", settings.issuer, settings.client_id),
            idle: settings.idle.0,
            lifetime: settings.lifetime.0,
            client_id: settings.client_id,
            tenant,
            remembered: Sessions::remembered(),
        },
        issuer: Issuer::new(settings.issuer, client, &settings.client),
        keys,
        settings: Fixed {
            origin: settings.origin,
            secure: settings.secure,
            callback: settings.callback,
            logout: settings.logout,
            after_logout: settings.after_logout,
            cookie: settings.cookie,
            scopes,
            parameters: settings.parameters,
            algorithms: algorithms(),
            userinfo: settings.userinfo,
            forward_access_token: settings.forward_access_token,
            require,
        },
    })
}

/// Those with public keys: the issuer's keys sign, whatever the token's header says.
fn algorithms() -> Vec<Algorithm> {
    let families = [
        AlgorithmFamily::Rsa,
        AlgorithmFamily::Ec,
        AlgorithmFamily::Ed,
    ];
    let all = families.iter().flat_map(|family| family.algorithms());
    all.copied().collect()
}

struct Keep<'p>(&'p mut Vec<Problem>);

impl Keep<'_> {
    fn open<T>(&mut self, place: &str, result: Result<T, String>) -> Option<T> {
        let result = result.map_err(|message| self.0.push(Problem::at(place, message)));
        result.ok()
    }
}

fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    let mut complain = |place: &str, message: &str| problems.push(Problem::at(place, message));
    if settings.client_id.is_empty() {
        complain(
            "/client-id",
            "write the id that the issuer gave the gateway",
        );
    }
    if !settings.origin.as_deref().is_none_or(is_origin) {
        complain(
            "/origin",
            "write scheme and host alone, as `https://shop.example.com`",
        );
    }
    let places = [
        ("/callback", &settings.callback),
        ("/logout", &settings.logout),
        ("/after-logout", &settings.after_logout),
    ];
    for (place, path) in places {
        if !is_path(path) {
            complain(place, "write a path alone, as `/oauth2/callback`");
        }
    }
    if settings.callback == settings.logout {
        complain("/logout", "this is the path of `callback`; write another");
    }
    if settings.after_logout == settings.callback || settings.after_logout == settings.logout {
        complain(
            "/after-logout",
            "this would go in a circle; write another path",
        );
    }
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let length = settings.cookie.len();
    if !(1..=64).contains(&length) || !settings.cookie.bytes().all(token) {
        complain("/cookie", "write 1 to 64 letters, digits, `-` and `_`");
    }
    if settings.lifetime.0 > Duration::from_secs(720 * 3600) {
        complain("/lifetime", "write at most `720h`");
    }
    if settings.idle.0 < Duration::from_secs(60) || settings.idle.0 > settings.lifetime.0 {
        complain("/idle", "write `1m` or more, and no more than `lifetime`");
    }
    for name in settings.parameters.keys() {
        if OF_THE_PLUGIN.contains(&name.as_str()) {
            let place = format!("/parameters/{name}");
            complain(&place, "this parameter is the plugin's own; leave it out");
        }
    }
    if settings.userinfo && settings.token_client.is_none() {
        let message = "the credentials of `client` would take the access token's place; write `token-client`, and a `client` without credentials";
        complain("/userinfo", message);
    }
}

const OF_THE_PLUGIN: [&str; 9] = [
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

fn is_origin(text: &str) -> bool {
    let parsed = Url::parse(text);
    parsed.is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}

fn is_path(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"?#\\\"<>;".contains(&byte);
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(fits)
}
