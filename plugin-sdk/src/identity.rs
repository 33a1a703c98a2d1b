//! Who asks.

use serde::de::DeserializeOwned;

use crate::backend;

/// What an identity is made of. `scheme` is all that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFields {
    /// How it was established: `jwt`, `api-key`, `basic`. `[a-z][a-z0-9-]*`, at most 64 bytes.
    pub scheme: String,
    /// Who asks, as the issuer calls them. Unique within `issuer` only.
    pub subject: Option<String>,
    /// The customer, organisation or project on whose behalf.
    pub tenant: Option<String>,
    /// The client application, as the operator calls it.
    pub consumer: Option<String>,
    /// Who vouches for it.
    pub issuer: Option<String>,
    pub scopes: Vec<String>,
    /// A JSON object, at most 64 KiB. Default: `{}`.
    pub claims: String,
}

impl Default for IdentityFields {
    fn default() -> Self {
        Self {
            scheme: String::new(),
            subject: None,
            tenant: None,
            consumer: None,
            issuer: None,
            scopes: Vec::new(),
            claims: String::from("{}"),
        }
    }
}

/// Who asks, as a policy has established it.
///
/// A handle on something that the gateway keeps and that never changes. Keep it beside a token that has been verified: to
/// establish it again is one short call ([`Request::set_identity`](crate::Request::set_identity)).
pub struct Identity(backend::Identity);

impl Identity {
    /// Fails when a field does not keep to its rules, and when the instance has as many identities as its limits allow
    /// (`limits.identities`, in bytes `limits.memory`): then let go of some. `subject`, `tenant`, `consumer` and `issuer` are
    /// neither empty nor longer than 1 KiB, and hold no control characters and no space at either end.
    pub fn new(fields: IdentityFields) -> Result<Self, String> {
        backend::Identity::new(&backend::identity_fields(fields)).map(Self)
    }

    /// How it was established.
    pub fn scheme(&self) -> String {
        self.0.scheme()
    }

    pub fn subject(&self) -> Option<String> {
        self.0.subject()
    }

    pub fn tenant(&self) -> Option<String> {
        self.0.tenant()
    }

    pub fn consumer(&self) -> Option<String> {
        self.0.consumer()
    }

    pub fn issuer(&self) -> Option<String> {
        self.0.issuer()
    }

    pub fn scopes(&self) -> Vec<String> {
        self.0.scopes()
    }

    /// The value that a JSON pointer (RFC 6901) finds in the claims, as JSON; `""` for all of them.
    pub fn claim(&self, pointer: &str) -> Option<String> {
        self.0.claim(pointer)
    }

    /// The value that a JSON pointer finds in the claims, if it is of that type.
    pub fn claim_as<T: DeserializeOwned>(&self, pointer: &str) -> Option<T> {
        serde_json::from_str(&self.claim(pointer)?).ok()
    }

    pub(crate) fn from_backend(identity: backend::Identity) -> Self {
        Self(identity)
    }

    pub(crate) fn backend(&self) -> &backend::Identity {
        &self.0
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("scheme", &self.scheme())
            .field("subject", &self.subject())
            .finish_non_exhaustive()
    }
}

/// The certificate that the client showed, and proved to have the key of, when the connection was made (mTLS).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The one URI among its names that is a SPIFFE id: `spiffe://example.org/ns/shop/sa/orders`.
    pub spiffe_id: Option<String>,
    /// In lower case.
    pub dns_names: Vec<String>,
    /// The distinguished name (RFC 4514), as `CN=orders,O=Example`.
    pub subject: String,
    /// SHA-256 of the certificate, in lower-case hexadecimal digits.
    pub fingerprint: String,
}
