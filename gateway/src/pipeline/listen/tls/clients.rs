//! Which clients a listener lets in by their certificates (mTLS).

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::At;
use crate::config::{raw, span::Spanned};

/// What judges the certificates of clients.
///
/// # Errors
/// When the authorities cannot be read, or are missing.
pub(super) fn verifier(raw: &raw::Tls, base: &Path) -> Result<Arc<dyn ClientCertVerifier>, At> {
    let Some(authorities) = &raw.client_ca else {
        return match &raw.client_certificate {
            None => Ok(WebPkiClientVerifier::no_client_auth()),
            Some(wanted) => Err((
                wanted.span,
                String::from("there is no `client-ca` that could have signed the certificate"),
            )),
        };
    };
    let roots = Arc::new(roots(authorities, base)?);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    let wanted = raw.client_certificate.as_ref();
    let builder = match wanted.map_or_else(Default::default, |wanted| wanted.value) {
        raw::ClientCertificate::Required => builder,
        raw::ClientCertificate::Optional => builder.allow_unauthenticated(),
    };
    builder
        .build()
        .map_err(|error| (authorities.span, error.to_string()))
}

fn roots(file: &Spanned<std::path::PathBuf>, base: &Path) -> Result<RootCertStore, At> {
    let path = base.join(&file.value);
    let unreadable = |error: &dyn std::fmt::Display| {
        let message = format!(
            "`{}` has no certificate authorities that can be read: {error}",
            path.display()
        );
        (file.span, message)
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() {
        return Err(unreadable(&"it has no `BEGIN CERTIFICATE`"));
    }
    Ok(roots)
}
