//! Why a request goes no further: what the client is told, before it is printed in the client's dialect.

pub(crate) use crate::code::Code;

/// One error model for whatever the transcoder itself refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// HTTP status; not always that of the code (405 and 415 have no code of their own).
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Printed as a google.rpc.BadRequest.
    pub(crate) violations: Vec<Violation>,
    /// Methods for the `allow` field of a 405.
    pub(crate) allow: Option<String>,
    /// Media types for the `accept` field of a 415.
    pub(crate) accept: Option<&'static str>,
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The message's field, by its path of proto names (google.rpc.BadRequest.FieldViolation).
    pub(crate) field: String,
    pub(crate) description: String,
}

impl Refusal {
    /// With the code's own HTTP status.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::with_status(code, code.http_status(), message)
    }

    pub(crate) fn with_status(code: Code, status: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            status,
            message: message.into(),
            violations: Vec::new(),
            allow: None,
            accept: None,
        }
    }

    /// 400, for a value that cannot stand in its field.
    pub(crate) fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        let (field, description) = (field.into(), description.into());
        let message = if field.is_empty() {
            description.clone()
        } else {
            format!("{field}: {description}")
        };
        Self {
            violations: vec![Violation { field, description }],
            ..Self::new(Code::InvalidArgument, message)
        }
    }

    /// 405 (RFC 9110 section 15.5.6).
    pub(crate) fn method_not_allowed(method: &str, allow: impl Into<String>) -> Self {
        let allow = allow.into();
        Self {
            allow: Some(allow.clone()),
            ..Self::with_status(
                Code::Unimplemented,
                405,
                format!("{method} is not allowed here; allowed: {allow}"),
            )
        }
    }
}
