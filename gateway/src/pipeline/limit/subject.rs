//! Whom a request is counted for.

use std::net::IpAddr;

use http::HeaderMap;

use crate::pipeline::{
    identity::Identity,
    limiter::{By, Key, KeyMaker},
};

/// What a request says of who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub route: &'a str,
    /// The client, after trusted proxies have been taken into account.
    pub client: IpAddr,
    pub headers: &'a HeaderMap,
    pub identity: Option<&'a Identity>,
}

impl Asker<'_> {
    /// None when one of the parts is missing.
    pub(super) fn key(&self, by: &[By]) -> Option<Key> {
        let mut key = KeyMaker::new();
        for by in by {
            match by {
                By::Route => key.add(self.route.as_bytes()),
                By::Address => key.add_address(self.client),
                By::Header(name) => {
                    let mut some = false;
                    for value in self.headers.get_all(name) {
                        key.add(value.as_bytes());
                        some |= !value.is_empty();
                    }
                    some.then_some(())?;
                }
                By::Identity(field) => {
                    let value = self.identity?.field(field)?;
                    key.add(value.as_bytes());
                }
            }
        }
        Some(key.finish())
    }
}
