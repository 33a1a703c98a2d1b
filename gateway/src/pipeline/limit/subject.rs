//! Whom a request is counted for.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

use crate::pipeline::{
    identity::Identity,
    limiter::{By, Key},
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
    /// None when one of the parts is missing, or there are none.
    pub(super) fn key(&self, by: &[By]) -> Option<Key> {
        let (first, others) = by.split_first()?;
        let first = self.part(first)?;
        others
            .iter()
            .try_fold(first, |key, by| Some(key.and(self.part(by)?)))
    }

    fn part(&self, by: &By) -> Option<Key> {
        match by {
            By::Route => Some(Key::of(self.route.as_bytes())),
            By::Address => Some(Key::of_address(self.client)),
            By::Header(name) => self.field(name),
            By::Identity(field) => {
                let value = self.identity?.field(field)?;
                Some(Key::of(value.as_bytes()))
            }
        }
    }

    /// Of all its values; none when all are empty.
    fn field(&self, name: &HeaderName) -> Option<Key> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        let mut some = !first.is_empty();
        let key = values.fold(Key::of(first.as_bytes()), |key, value| {
            some |= !value.is_empty();
            key.and(Key::of(value.as_bytes()))
        });
        some.then_some(key)
    }
}
