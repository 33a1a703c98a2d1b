//! TLS towards clients: certificates chosen by the names in them.

mod clients;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwapOption;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::config::{problem::Problem, raw, span::Span};

/// The TLS settings of one listener; none: cleartext. Swapped on reload, for new connections.
pub type Acceptor = Arc<ArcSwapOption<ServerConfig>>;

/// Reads certificates and keys.
///
/// # Errors
/// Every file that cannot be read, is not what it should be, or does not match its partner.
pub fn compile(
    raw: &raw::Tls,
    file: &Arc<PathBuf>,
    base: &Path,
) -> Result<Arc<ServerConfig>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut resolver = ByName::default();
    for certificate in &raw.certificates {
        match certified(certificate, base) {
            Ok((key, names)) => resolver.add(key, names),
            Err((span, message)) => problems.push(Problem::error(file, span, message)),
        }
    }
    let clients = clients::verifier(raw, base)
        .map_err(|(span, message)| problems.push(Problem::error(file, span, message)));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions();
    match (config, clients) {
        (Ok(config), Ok(clients)) if problems.is_empty() => {
            let mut config = config
                .with_client_cert_verifier(clients)
                .with_cert_resolver(Arc::new(resolver));
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Ok(Arc::new(config))
        }
        (Ok(_), _) => Err(problems),
        (Err(error), _) => {
            problems.push(Problem::error(file, Span::default(), error.to_string()));
            Err(problems)
        }
    }
}

/// What is wrong, and with which of the two files.
type At = (Span, String);

fn certified(raw: &raw::Certificate, base: &Path) -> Result<(CertifiedKey, Vec<String>), At> {
    let path = base.join(&raw.certificate.value);
    let at = |message: String| (raw.certificate.span, message);
    let unreadable = |error: &dyn std::fmt::Display| {
        at(format!(
            "`{}` has no certificate that can be read: {error}",
            path.display()
        ))
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(&path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(&error))?;
    let Some(leaf) = chain.first() else {
        return Err(unreadable(&"it has no `BEGIN CERTIFICATE`"));
    };
    let names = names(leaf).map_err(|error| unreadable(&error))?;
    let key_path = base.join(&raw.key.value);
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|error| {
        (
            raw.key.span,
            format!(
                "`{}` has no private key that can be read: {error}",
                key_path.display()
            ),
        )
    })?;
    let key =
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| {
            let message = match error {
                rustls::Error::InconsistentKeys(_) => {
                    format!(
                        "this key does not belong to the certificate `{}`",
                        path.display()
                    )
                }
                error => format!("`{}` cannot be used: {error}", key_path.display()),
            };
            (raw.key.span, message)
        })?;
    Ok((key, names))
}

/// The DNS names in a certificate.
fn names(leaf: &CertificateDer<'_>) -> Result<Vec<String>, webpki::Error> {
    let leaf = webpki::EndEntityCert::try_from(leaf)?;
    Ok(leaf
        .valid_dns_names()
        .map(str::to_ascii_lowercase)
        .collect())
}

/// By SNI; the first certificate serves those who name nothing known.
#[derive(Debug, Default)]
struct ByName {
    /// Whole names, and wildcards without their `*`: `.example.com`.
    by_name: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

impl ByName {
    /// A name that two certificates have belongs to the first.
    fn add(&mut self, key: CertifiedKey, names: Vec<String>) {
        let key = Arc::new(key);
        for name in names {
            let name = name.strip_prefix('*').map(str::to_owned).unwrap_or(name);
            self.by_name.entry(name).or_insert_with(|| Arc::clone(&key));
        }
        self.first.get_or_insert(key);
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        // A wildcard stands for one label (RFC 9525 section 6.3).
        let parent = || {
            name.find('.')
                .and_then(|dot| self.by_name.get(&name[dot..]))
        };
        self.by_name.get(name).or_else(parent)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello
            .server_name()
            .and_then(|name| self.find(&name.to_ascii_lowercase()));
        named.or(self.first.as_ref()).cloned()
    }
}
