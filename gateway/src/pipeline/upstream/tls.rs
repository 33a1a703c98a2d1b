//! TLS towards upstreams.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::config::raw::UpstreamProtocol;

/// A client that trusts `authorities` (PEM), or else the system's.
///
/// # Errors
/// One sentence for the operator.
pub fn client(
    authorities: Option<&[u8]>,
    protocol: Option<UpstreamProtocol>,
) -> Result<ClientConfig, String> {
    let roots = match authorities {
        Some(pem) => Arc::new(parse(pem)?),
        None => system(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = match protocol {
        Some(UpstreamProtocol::Http1) => vec![b"http/1.1".to_vec()],
        Some(UpstreamProtocol::Http2) => vec![b"h2".to_vec()],
        None => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(config)
}

fn parse(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| format!("`authorities` is not PEM: {error:?}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("`authorities` has a bad certificate: {error}"))?;
    }
    if roots.is_empty() {
        return Err("`authorities` has no certificate".into());
    }
    Ok(roots)
}

/// The system's authorities, read once.
fn system() -> Arc<RootCertStore> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    Arc::clone(SYSTEM.get_or_init(|| {
        let loaded = rustls_native_certs::load_native_certs();
        for error in &loaded.errors {
            tracing::warn!(%error, "a certificate authority of the system could not be read");
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(loaded.certs);
        Arc::new(roots)
    }))
}
