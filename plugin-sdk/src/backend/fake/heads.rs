//! Heads held in memory, with the calls of the world's resources.

use std::{cell::RefCell, ops::Range, time::Duration};

use super::{
    fields::Fields,
    identity::{Identity, is_kind},
};
use crate::{EditError, Ending, Outcome, Peer, fields::is_token};

#[derive(Clone, Debug, Default)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) fields: Fields,
    pub(crate) trailers: Fields,
    pub(crate) client_address: String,
    pub(crate) id: String,
    pub(crate) route: String,
    pub(crate) identity: Option<Identity>,
    pub(crate) peer: Option<Peer>,
    pub(crate) notes: Vec<String>,
    /// Of what may be reused: by which field, and when.
    pub(crate) reuse: Option<(String, Range<u64>)>,
}

impl RequestHead {
    pub(crate) fn set_target(&mut self, path_and_query: &str) {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path_and_query, None),
        };
        self.path = path.to_owned();
        self.query = query;
    }
}

/// What a [`crate::Request`] points to.
#[derive(Debug, Default)]
pub struct Request(pub(crate) RefCell<RequestHead>);

impl Request {
    pub(crate) fn method(&self) -> String {
        self.0.borrow().method.clone()
    }

    pub(crate) fn scheme(&self) -> String {
        self.0.borrow().scheme.clone()
    }

    pub(crate) fn authority(&self) -> String {
        self.0.borrow().authority.clone()
    }

    pub(crate) fn path(&self) -> String {
        self.0.borrow().path.clone()
    }

    pub(crate) fn query(&self) -> Option<String> {
        self.0.borrow().query.clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().fields.joined(name)
    }

    pub(crate) fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
        self.0.borrow().fields.values(name)
    }

    pub(crate) fn headers(&self) -> Vec<(String, Vec<u8>)> {
        self.0.borrow().fields.0.clone()
    }

    pub(crate) fn set_header(&self, name: &str, value: &[u8]) -> Result<(), EditError> {
        self.0.borrow_mut().fields.set(name, value)
    }

    pub(crate) fn append_header(&self, name: &str, value: &[u8]) -> Result<(), EditError> {
        self.0.borrow_mut().fields.append(name, value)
    }

    pub(crate) fn remove_header(&self, name: &str) -> Result<(), EditError> {
        self.0.borrow_mut().fields.remove(name)
    }

    pub(crate) fn set_method(&self, method: &str) -> Result<(), EditError> {
        if !is_token(method) {
            return Err(EditError::Invalid);
        }
        self.0.borrow_mut().method = method.to_owned();
        Ok(())
    }

    pub(crate) fn set_path(&self, path_and_query: &str) -> Result<(), EditError> {
        let visible = path_and_query
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !visible || !path_and_query.starts_with('/') {
            return Err(EditError::Invalid);
        }
        self.0.borrow_mut().set_target(path_and_query);
        Ok(())
    }

    pub(crate) fn trailer(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().trailers.joined(name)
    }

    pub(crate) fn trailers(&self) -> Vec<(String, Vec<u8>)> {
        self.0.borrow().trailers.0.clone()
    }

    pub(crate) fn client_address(&self) -> String {
        self.0.borrow().client_address.clone()
    }

    pub(crate) fn id(&self) -> String {
        self.0.borrow().id.clone()
    }

    pub(crate) fn route(&self) -> String {
        self.0.borrow().route.clone()
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        self.0.borrow().identity.clone()
    }

    pub(crate) fn set_identity(&self, identity: &Identity) -> Result<(), EditError> {
        self.0.borrow_mut().identity = Some(identity.clone());
        Ok(())
    }

    pub(crate) fn reuse(
        &self,
        field: &str,
        from: u64,
        to: u64,
        _most: u32,
    ) -> Result<(), EditError> {
        if !is_token(field) {
            return Err(EditError::Invalid);
        }
        self.0.borrow_mut().reuse = Some((field.to_ascii_lowercase(), from..to));
        Ok(())
    }

    pub(crate) fn peer(&self) -> Option<Peer> {
        self.0.borrow().peer.clone()
    }

    pub(crate) fn note(&self, kind: &str) {
        let notes = &mut self.0.borrow_mut().notes;
        if notes.len() < 8 && is_kind(kind) && notes.iter().all(|note| note != kind) {
            notes.push(kind.to_owned());
        }
    }

    /// Forgets the edits of a call that failed; what was noted stays.
    pub(crate) fn undo(&self, before: RequestHead) {
        let notes = std::mem::take(&mut self.0.borrow_mut().notes);
        self.0.replace(RequestHead { notes, ..before });
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) trailers: Fields,
    /// Milliseconds of silence, and what is sent then.
    pub(crate) keep_alive: Option<(u64, Vec<u8>)>,
}

/// What a [`crate::Response`] points to.
#[derive(Debug, Default)]
pub struct Response(pub(crate) RefCell<ResponseHead>);

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.0.borrow().status
    }

    pub(crate) fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().fields.joined(name)
    }

    pub(crate) fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
        self.0.borrow().fields.values(name)
    }

    pub(crate) fn headers(&self) -> Vec<(String, Vec<u8>)> {
        self.0.borrow().fields.0.clone()
    }

    pub(crate) fn set_status(&self, status: u16) -> Result<(), EditError> {
        if !(200..600).contains(&status) {
            return Err(EditError::Invalid);
        }
        self.0.borrow_mut().status = status;
        Ok(())
    }

    pub(crate) fn set_header(&self, name: &str, value: &[u8]) -> Result<(), EditError> {
        self.0.borrow_mut().fields.set(name, value)
    }

    pub(crate) fn append_header(&self, name: &str, value: &[u8]) -> Result<(), EditError> {
        self.0.borrow_mut().fields.append(name, value)
    }

    pub(crate) fn remove_header(&self, name: &str) -> Result<(), EditError> {
        self.0.borrow_mut().fields.remove(name)
    }

    pub(crate) fn trailer(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().trailers.joined(name)
    }

    pub(crate) fn trailers(&self) -> Vec<(String, Vec<u8>)> {
        self.0.borrow().trailers.0.clone()
    }

    pub(crate) fn set_trailer(&self, name: &str, value: &[u8]) -> Result<(), EditError> {
        self.0.borrow_mut().trailers.set(name, value)
    }

    pub(crate) fn remove_trailer(&self, name: &str) -> Result<(), EditError> {
        self.0.borrow_mut().trailers.remove(name)
    }

    pub(crate) fn keep_alive(&self, after: u64, bytes: &[u8]) -> Result<(), EditError> {
        if !(1..=1024).contains(&bytes.len()) {
            return Err(EditError::Invalid);
        }
        self.0.borrow_mut().keep_alive = Some((after, bytes.to_vec()));
        Ok(())
    }
}

/// What a [`crate::Summary`] points to.
#[derive(Clone, Debug)]
pub struct Summary {
    pub(crate) ending: Ending,
    pub(crate) status: Option<u16>,
    pub(crate) duration: u64,
    pub(crate) time_to_head: Option<u64>,
    pub(crate) upstream: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) grpc_status: Option<u32>,
    pub(crate) code: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) identity: Option<Identity>,
}

impl Summary {
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome {
            ending: self.ending,
            status: self.status,
            grpc_status: self.grpc_status,
            time_to_head: self.time_to_head.map(Duration::from_nanos),
            noted: !self.notes.is_empty(),
        }
    }

    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    pub(crate) fn duration(&self) -> u64 {
        self.duration
    }

    pub(crate) fn time_to_head(&self) -> Option<u64> {
        self.time_to_head
    }

    pub(crate) fn upstream(&self) -> Option<String> {
        self.upstream.clone()
    }

    pub(crate) fn endpoint(&self) -> Option<String> {
        self.endpoint.clone()
    }

    pub(crate) fn grpc_status(&self) -> Option<u32> {
        self.grpc_status
    }

    pub(crate) fn code(&self) -> Option<String> {
        self.code.clone()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        self.identity.clone()
    }
}
