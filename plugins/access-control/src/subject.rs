//! A request, as far as rules ask for it.

use std::{cell::OnceCell, net::IpAddr};

use witgate_plugin::{Identity, Peer, Request};

/// A request. What is asked for is fetched once.
pub(crate) struct Subject<'a> {
    request: &'a Request<'a>,
    address: OnceCell<Option<IpAddr>>,
    method: OnceCell<String>,
    path: OnceCell<String>,
    identity: OnceCell<Option<Identity>>,
    scopes: OnceCell<Vec<String>>,
    peer: OnceCell<Option<Peer>>,
}

impl<'a> Subject<'a> {
    pub(crate) fn of(request: &'a Request<'a>) -> Self {
        Self {
            request,
            address: OnceCell::new(),
            method: OnceCell::new(),
            path: OnceCell::new(),
            identity: OnceCell::new(),
            scopes: OnceCell::new(),
            peer: OnceCell::new(),
        }
    }

    pub(crate) fn address(&self) -> Option<IpAddr> {
        *self
            .address
            .get_or_init(|| self.request.client_address().parse().ok())
    }

    pub(crate) fn method(&self) -> &str {
        self.method.get_or_init(|| self.request.method())
    }

    pub(crate) fn path(&self) -> &str {
        self.path.get_or_init(|| self.request.path())
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity
            .get_or_init(|| self.request.identity())
            .as_ref()
    }

    pub(crate) fn scopes(&self) -> &[String] {
        let scopes = || self.identity().map(Identity::scopes).unwrap_or_default();
        self.scopes.get_or_init(scopes)
    }

    pub(crate) fn peer(&self) -> Option<&Peer> {
        self.peer.get_or_init(|| self.request.peer()).as_ref()
    }
}
