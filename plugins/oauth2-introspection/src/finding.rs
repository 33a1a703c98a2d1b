//! What the server said of a token, in the form that workers share.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Finding {
    Active(Active),
    Inactive,
    /// There was no answer, or none that can be understood.
    Failed,
}

/// An active token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Active {
    /// The whole answer, a JSON object.
    pub(crate) claims: Value,
    /// In seconds since 1970: when to ask again.
    pub(crate) until: u64,
}

impl Finding {
    /// What cannot be read is as good as no answer.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or(Self::Failed)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
