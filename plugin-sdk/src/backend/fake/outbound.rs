//! HTTP clients that answer what a test says, and a memory with claims, both one thread's.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
};

use super::monotonic;
use crate::http::{Error, Request, Response};

pub(crate) type Answer = Result<Response<Vec<u8>>, Error>;

#[derive(Debug, Default)]
pub(crate) struct Outbound {
    pub(crate) clients: BTreeMap<String, FakeClient>,
    entries: BTreeMap<String, Value>,
    /// Of each claimed key until when, and whose it is.
    claims: BTreeMap<String, (u64, u64)>,
    next_claim: u64,
}

#[derive(Debug, Default)]
pub(crate) struct FakeClient {
    pub(crate) url: String,
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) requests: Vec<Request<Vec<u8>>>,
    pub(crate) cancelled: u32,
}

#[derive(Debug)]
struct Value {
    bytes: Vec<u8>,
    until: Option<u64>,
}

thread_local! {
    static OUTBOUND: RefCell<Outbound> = RefCell::default();
}

pub(crate) fn outbound<T>(call: impl FnOnce(&mut Outbound) -> T) -> T {
    OUTBOUND.with_borrow_mut(call)
}

pub(crate) fn reset_outbound() {
    outbound(|outbound| *outbound = Outbound::default());
}

pub(crate) struct Client {
    name: String,
    url: String,
}

impl Client {
    pub(crate) fn open(name: &str) -> Result<Self, String> {
        let url = outbound(|all| all.clients.get(name).map(|client| client.url.clone()));
        let url = url.ok_or_else(|| format!("no HTTP client is called `{name}`"))?;
        let name = name.to_owned();
        Ok(Self { name, url })
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

/// A request under way; it gets the first answer that nobody has had.
pub(crate) struct Call {
    client: String,
    done: Cell<bool>,
}

pub(crate) fn start(client: &Client, request: Request<Vec<u8>>) -> Call {
    outbound(|all| {
        let client = all.clients.entry(client.name.clone()).or_default();
        client.requests.push(request);
    });
    Call {
        client: client.name.clone(),
        done: Cell::new(false),
    }
}

pub(crate) fn take(call: &Call) -> Option<Answer> {
    if call.done.get() {
        return Some(Err(Error::Gone));
    }
    let answer = outbound(|all| all.clients.get_mut(&call.client)?.answers.pop_front())?;
    call.done.set(true);
    Some(answer)
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.done.get() {
            outbound(|all| {
                if let Some(client) = all.clients.get_mut(&self.client) {
                    client.cancelled += 1;
                }
            });
        }
    }
}

const LONGEST_KEY: usize = 256;
const LONGEST_VALUE: usize = 64 * 1024;

fn after(millis: u64) -> u64 {
    monotonic().saturating_add(millis.saturating_mul(1_000_000))
}

pub(crate) fn kv_get(key: &str) -> Option<Vec<u8>> {
    let now = monotonic();
    outbound(|all| {
        let value = all.entries.get(key)?;
        let fresh = value.until.is_none_or(|until| now < until);
        fresh.then(|| value.bytes.clone())
    })
}

pub(crate) fn kv_set(key: &str, value: &[u8], ttl_ms: u64) -> bool {
    if key.len() > LONGEST_KEY || value.len() > LONGEST_VALUE {
        return false;
    }
    let value = Value {
        bytes: value.to_vec(),
        until: (ttl_ms > 0).then(|| after(ttl_ms)),
    };
    outbound(|all| all.entries.insert(key.to_owned(), value));
    true
}

pub(crate) fn kv_delete(key: &str) {
    outbound(|all| all.entries.remove(key));
}

pub(crate) struct Claim {
    key: String,
    number: u64,
}

impl Claim {
    pub(crate) fn acquire(key: &str, lease_ms: u64) -> Option<Self> {
        let (now, until) = (monotonic(), after(lease_ms));
        outbound(|all| {
            if all.claims.get(key).is_some_and(|(until, _)| now < *until) {
                return None;
            }
            all.next_claim += 1;
            let number = all.next_claim;
            all.claims.insert(key.to_owned(), (until, number));
            let key = key.to_owned();
            Some(Self { key, number })
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        outbound(|all| {
            if all
                .claims
                .get(&self.key)
                .is_some_and(|(_, whose)| *whose == self.number)
            {
                all.claims.remove(&self.key);
            }
        });
    }
}
