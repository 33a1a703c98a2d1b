//! `witgate.yaml`: what belongs to the process and to its operator.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    super::span::Spanned,
    Descriptors, Grant, HttpClient, Identity, KeySet, RateLimit, Secret,
    units::{ByteSize, HumanDuration},
    value::ShortOr,
};

/// `witgate.yaml`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gateway {
    /// Where clients connect.
    pub listeners: Vec<Spanned<Listener>>,
    /// Where `/metrics`, `/routes`, `/reload` and the like are served. Default: `127.0.0.1:9901`.
    #[serde(default)]
    pub admin: Admin,
    /// The folder of route files, relative to this file. Default: `routes.d`.
    #[serde(default)]
    pub routes: Option<Spanned<PathBuf>>,
    /// Worker threads, each with its own connections and plugin instances. Default: one per core.
    #[serde(default)]
    pub workers: Option<Spanned<u16>>,
    /// The components that routes may name, by name.
    #[serde(default)]
    pub plugins: BTreeMap<String, Spanned<Plugin>>,
    /// Sets of public keys that plugins may name.
    #[serde(default)]
    pub key_sets: BTreeMap<String, Spanned<KeySet>>,
    /// Servers that plugins may send requests to, by name. `login: https://login.example.com` is short for
    /// `login: { url: https://login.example.com }`.
    #[serde(default)]
    pub http_clients: BTreeMap<String, Spanned<ShortOr<HttpClient>>>,
    /// Protocol Buffers schemas that plugins may name. A `.proto` file, another file or a URL alone will do:
    /// `bookstore: bookstore.proto` is short for `bookstore: { proto: bookstore.proto }`, another file for `set`, a URL
    /// for `reflection`.
    #[serde(default)]
    pub descriptors: BTreeMap<String, Spanned<ShortOr<Descriptors>>>,
    /// Files that plugins may read, by name: paths relative to this file, at most 4 MiB each. They are watched: new content
    /// is in use without a restart, once every plugin that reads it has accepted it; else what was there before stays.
    #[serde(default)]
    pub files: BTreeMap<String, Spanned<PathBuf>>,
    /// What plugins and the gateway may use and nobody may see, by name. A plugin gets a handle that signs, compares and
    /// encrypts, never the bytes. While one is rotated it is a list of at most 8 versions: the newest, which is the first,
    /// makes what is new, and each is right for what is there.
    #[serde(default)]
    pub secrets: BTreeMap<String, Spanned<Secret>>,
    /// Limits that routes and plugins may name. Each counts in this process, for all its workers and all routes that name it.
    #[serde(default)]
    pub rate_limits: BTreeMap<String, Spanned<RateLimit>>,
    /// What the gateway says about the client to upstreams, and whom it believes.
    #[serde(default)]
    pub forwarding: Forwarding,
    /// How upstreams learn who asks.
    #[serde(default)]
    pub identity: Identity,
    /// How much one client may ask for.
    #[serde(default)]
    pub limits: Limits,
    /// How long things may take. Routes can override `request` and `idle`.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// What is written to standard output and error.
    #[serde(default)]
    pub logging: Logging,
}

/// One address that clients connect to. HTTP/1.1 and HTTP/2 are both spoken on it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Listener {
    /// Address and port, as `0.0.0.0:8080` or `[::]:8080`. Port 0 takes any free one.
    pub address: Spanned<SocketAddr>,
    /// Terminates TLS on this address. Without it the listener is cleartext.
    #[serde(default)]
    pub tls: Option<Spanned<Tls>>,
}

/// TLS 1.2 and 1.3; ALPN offers `h2` and `http/1.1`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    /// Chosen by the names in them (SNI); the first also serves clients that name nothing known.
    pub certificates: Vec<Spanned<Certificate>>,
    /// Certificate authorities whose clients are let in: a PEM file, relative to `witgate.yaml`. Clients are asked for a
    /// certificate (mTLS). Default: they are not asked.
    #[serde(default)]
    pub client_ca: Option<Spanned<PathBuf>>,
    /// Whether clients without a certificate are let in. Default with `client-ca`: `required`.
    #[serde(default)]
    pub client_certificate: Option<Spanned<ClientCertificate>>,
}

/// What becomes of clients without a certificate. One that `client-ca` did not sign, or that has expired, is never let in.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificate {
    /// The handshake fails.
    #[default]
    Required,
    /// They are let in, and policies see that they have none.
    Optional,
}

/// A certificate chain and its private key, PEM files relative to `witgate.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Certificate {
    /// The certificate, then its intermediates.
    pub certificate: Spanned<PathBuf>,
    /// PKCS#8, PKCS#1 or SEC1.
    pub key: Spanned<PathBuf>,
}

/// The administration listener.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Admin {
    /// Default: `127.0.0.1:9901`. It has no authentication: keep it where only operators reach it.
    pub address: Spanned<SocketAddr>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            address: Spanned::new(SocketAddr::from(([127, 0, 0, 1], 9901)), Default::default()),
        }
    }
}

/// One component, what it may do, and what becomes of a request when it fails.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plugin {
    /// The component file (`.wasm`), relative to `witgate.yaml`.
    pub component: Spanned<PathBuf>,
    /// The capabilities that it may import, and of some the names that it may open: `[log, { secrets: [cookie-key] }]`.
    /// A component that imports another is refused.
    #[serde(default)]
    pub grants: Vec<Spanned<Grant>>,
    /// What a trap, a timeout or a failure of the plugin does to the request. Default: `closed`.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Default: `warm`.
    #[serde(default)]
    pub isolation: Isolation,
    /// What one instance, or one call, may use.
    #[serde(default)]
    pub limits: PluginLimits,
}

/// One interface of the host that a plugin can be granted.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Lines in the gateway's log.
    Log,
    /// Wall clock and monotonic clock.
    Clock,
    /// Random bytes from the operating system.
    Random,
    /// Series of its own at `/metrics`.
    Metrics,
    /// Signature verification and digests at native speed.
    Crypto,
    /// The key sets declared under `key-sets`.
    Keys,
    /// The schemas declared under `descriptors`.
    Descriptors,
    /// Requests to the servers declared under `http-clients`.
    HttpClient,
    /// A memory that all instances of the plugin share.
    Kv,
    /// Circuit breakers whose state the gateway keeps.
    Gates,
    /// What the cells of such gates remember of outcomes.
    Windows,
    /// The limits declared under `rate-limits`.
    Limits,
    /// The secrets declared under `secrets`, as handles.
    Secrets,
    /// The files declared under `files`.
    Files,
    /// Checks of passwords against bcrypt and Argon2 hashes, away from the workers.
    Passwords,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "log",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Metrics => "metrics",
            Self::Crypto => "crypto",
            Self::Keys => "keys",
            Self::Descriptors => "descriptors",
            Self::HttpClient => "http-client",
            Self::Kv => "kv",
            Self::Gates => "gates",
            Self::Windows => "windows",
            Self::Limits => "limits",
            Self::Secrets => "secrets",
            Self::Files => "files",
            Self::Passwords => "passwords",
        })
    }
}

/// What a trap, a timeout or a failure of the plugin does to the request.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// The request is answered with 500 (503 for a timeout) and goes no further.
    #[default]
    Closed,
    /// The request goes on as if the plugin were not there.
    Open,
}

/// How exchanges are kept apart.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// One instance serves many exchanges, one call at a time.
    #[default]
    Warm,
    /// Every exchange has a fresh instance: dearer, and nothing can leak from one to another.
    Exchange,
}

/// What one instance, or one call, of a plugin may use.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PluginLimits {
    /// Time that one call may run, in steps of 5 ms, rounded up. Default: `10ms`.
    pub time: HumanDuration,
    /// Time that one exchange may wait, without an instance, for what the plugin asked the gateway for: answers over HTTP,
    /// claims, keys. Then: 503. Default: `10s`.
    pub wait: HumanDuration,
    /// Linear memory of one instance. Default: `16MiB`.
    pub memory: ByteSize,
    /// Elements in the tables of one instance. Default: 10000.
    pub table: u32,
    /// Resource handles alive in one instance, of which exchanges that are under way may have four each. Default: 4000.
    pub handles: u32,
    /// Identities that one instance may keep, beside its other handles: those of the tokens that it has cached. Together
    /// they take at most as many bytes as `memory`. Default: 10000.
    pub identities: u32,
    /// Bytes that one call may pass to the host. Default: `1MiB`.
    pub host_call: ByteSize,
    /// Bytes of a body held for the plugin (`hold`, `wait-body`). Default: `1MiB`.
    pub body: ByteSize,
    /// Calls after which an instance is replaced. Default: 100000.
    pub calls: u32,
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            time: HumanDuration::from_millis(10),
            wait: HumanDuration::from_secs(10),
            memory: ByteSize::mib(16),
            table: 10_000,
            handles: 4_000,
            identities: 10_000,
            host_call: ByteSize::mib(1),
            body: ByteSize::mib(1),
            calls: 100_000,
        }
    }
}

/// What the gateway says about the client to upstreams, and whom it believes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Forwarding {
    /// Networks whose `x-forwarded-*`, `forwarded` and `x-request-id` fields count. Others' are replaced.
    /// Default: none.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<Spanned<IpNet>>,
    /// Also send `forwarded` (RFC 7239). Default: false.
    pub forwarded: bool,
    /// The pseudonym in `via` (RFC 9110 section 7.6.3). Default: `witgate`.
    pub via: Option<Spanned<String>>,
}

/// How much one client may ask for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Bytes of a request's head, names and values together. Default: `32KiB`. Beyond: 431.
    pub header_bytes: ByteSize,
    /// Fields in a request's head. Default: 100. Beyond: 431.
    pub header_count: u16,
    /// Bytes of the request target. Default: `8KiB`. Beyond: 414.
    pub uri_length: ByteSize,
    /// Bytes of a request's body; routes can override it. Default: no limit. Beyond: 413.
    pub body: Option<ByteSize>,
    /// Connections open at once, over all listeners. Default: 10000. Beyond: new ones wait in the kernel's queue.
    pub connections: u32,
    /// HTTP/2 streams open at once on a connection. Default: 128. Beyond: REFUSED_STREAM.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: ByteSize::kib(32),
            header_count: 100,
            uri_length: ByteSize::kib(8),
            body: None,
            connections: 10_000,
            streams: 128,
        }
    }
}

/// How long things may take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Timeouts {
    /// Reaching an upstream, TLS handshake included. Default: `5s`. Then: 504.
    pub connect: HumanDuration,
    /// A client's TLS handshake, and each request's head from its first byte. Default: `10s`. Then: 408 or close.
    pub request_head: HumanDuration,
    /// A connection without a request, and a body (or upgraded stream) without a byte. Default: `60s`.
    pub idle: HumanDuration,
    /// From the request's head until the response's head. Default: `60s`. Then: 504.
    pub request: HumanDuration,
    /// What is in flight at SIGTERM. Default: `30s`. Then it is cut.
    pub drain: HumanDuration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: HumanDuration::from_secs(5),
            request_head: HumanDuration::from_secs(10),
            idle: HumanDuration::from_secs(60),
            request: HumanDuration::from_secs(60),
            drain: HumanDuration::from_secs(30),
        }
    }
}

/// What is written to standard output and error.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Logging {
    /// One JSON line per exchange on standard output. Default: `on`.
    pub access: AccessLog,
    /// What the gateway says of itself on standard error. Default: `info`.
    pub level: LogLevel,
    /// How it says it. Default: `text`.
    pub format: LogFormat,
}

/// Whether exchanges are logged.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLog {
    #[default]
    On,
    /// Only exchanges that the gateway answered with an error of its own.
    Errors,
    Off,
}

/// The least severe line that is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// Lines for people or for machines.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}
