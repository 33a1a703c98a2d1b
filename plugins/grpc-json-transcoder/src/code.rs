//! google.rpc.Code and the HTTP status of each (google/rpc/code.proto).

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// In the order of their numbers: name and HTTP status.
const CODES: [(Code, &str, u16); 17] = [
    (Code::Ok, "OK", 200),
    (Code::Cancelled, "CANCELLED", 499),
    (Code::Unknown, "UNKNOWN", 500),
    (Code::InvalidArgument, "INVALID_ARGUMENT", 400),
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", 504),
    (Code::NotFound, "NOT_FOUND", 404),
    (Code::AlreadyExists, "ALREADY_EXISTS", 409),
    (Code::PermissionDenied, "PERMISSION_DENIED", 403),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED", 429),
    (Code::FailedPrecondition, "FAILED_PRECONDITION", 400),
    (Code::Aborted, "ABORTED", 409),
    (Code::OutOfRange, "OUT_OF_RANGE", 400),
    (Code::Unimplemented, "UNIMPLEMENTED", 501),
    (Code::Internal, "INTERNAL", 500),
    (Code::Unavailable, "UNAVAILABLE", 503),
    (Code::DataLoss, "DATA_LOSS", 500),
    (Code::Unauthenticated, "UNAUTHENTICATED", 401),
];

impl Code {
    /// A number that is none of the seventeen stands for UNKNOWN (gRPC: "Status codes and their use").
    pub(crate) fn from_number(number: i64) -> Self {
        usize::try_from(number)
            .ok()
            .and_then(|index| CODES.get(index))
            .map_or(Self::Unknown, |(code, ..)| *code)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        CODES
            .iter()
            .find(|(_, known, _)| *known == name)
            .map(|(code, ..)| *code)
    }

    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn name(self) -> &'static str {
        CODES[usize::from(self.number())].1
    }

    pub(crate) fn http_status(self) -> u16 {
        CODES[usize::from(self.number())].2
    }

    /// What a plain HTTP answer of an upstream means ("HTTP to gRPC Status Code Mapping", the parts that tell a
    /// REST client more than UNKNOWN does).
    pub(crate) fn from_http_status(status: u16) -> Self {
        match status {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502 | 503 => Self::Unavailable,
            504 => Self::DeadlineExceeded,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for (index, (code, name, _)) in CODES.into_iter().enumerate() {
            assert_eq!(usize::from(code.number()), index);
            assert_eq!(Code::from_name(name), Some(code));
        }
        for number in [-1, 17, 1024] {
            assert_eq!(Code::from_number(number), Code::Unknown);
        }
    }
}
