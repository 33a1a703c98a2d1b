//! Header fields, with the gateway's rules for edits.

use crate::{
    EditError,
    fields::{is_gateway_owned, is_token},
};

/// Names in lower case, in the order received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, Vec<u8>)>);

impl Fields {
    pub(crate) fn joined(&self, name: &str) -> Option<Vec<u8>> {
        let values = self.values(name);
        (!values.is_empty()).then(|| values.join(&b", "[..]))
    }

    pub(crate) fn values(&self, name: &str) -> Vec<Vec<u8>> {
        self.0
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
            .collect()
    }

    pub(crate) fn set(&mut self, name: &str, value: &[u8]) -> Result<(), EditError> {
        check(name, value)?;
        self.drop_all(name);
        self.add(name, value);
        Ok(())
    }

    pub(crate) fn append(&mut self, name: &str, value: &[u8]) -> Result<(), EditError> {
        check(name, value)?;
        self.add(name, value);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<(), EditError> {
        check(name, b"")?;
        self.drop_all(name);
        Ok(())
    }

    /// Without judgement: what a client or an upstream sends.
    pub(crate) fn add(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    fn drop_all(&mut self, name: &str) {
        self.0
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }
}

fn check(name: &str, value: &[u8]) -> Result<(), EditError> {
    if !is_token(name)
        || !value
            .iter()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
    {
        return Err(EditError::Invalid);
    }
    if is_gateway_owned(name) {
        return Err(EditError::Forbidden);
    }
    Ok(())
}
