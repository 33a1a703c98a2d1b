//! A plugin's own answer, checked.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    bindings::types::{EditError, Reply},
    failure::FailureKind,
    fields,
    response::is_final,
};
use crate::pipeline::context::LocalResponse;

/// Makes a response of what a plugin answered.
pub(super) fn local_response(reply: Reply) -> Result<LocalResponse, FailureKind> {
    let status = StatusCode::from_u16(reply.status)
        .ok()
        .filter(|status| is_final(*status));
    let status = status.ok_or_else(|| {
        FailureKind::Invalid(
            format!("the status {} is not between 200 and 599", reply.status).into(),
        )
    })?;
    let mut response = LocalResponse::new(Bytes::from(reply.body));
    *response.status_mut() = status;
    *response.headers_mut() = headers(&reply.headers)?;
    Ok(response)
}

fn headers(pairs: &[(String, Vec<u8>)]) -> Result<HeaderMap, FailureKind> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let field = fields::name(name).and_then(|name| Ok((name, fields::value(value)?)));
        match field {
            Ok((name, value)) => drop(headers.append(name, value)),
            // The gateway counts for itself.
            Err(EditError::Forbidden) if name.eq_ignore_ascii_case("content-length") => {}
            Err(error) => {
                let name: String = name.chars().take(64).collect();
                let what = format!("the field `{}` of a reply is {error}", name.escape_debug());
                return Err(FailureKind::Invalid(what.into()));
            }
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, name: &str, value: &[u8]) -> Result<LocalResponse, FailureKind> {
        let headers = vec![(name.to_owned(), value.to_vec())];
        local_response(Reply {
            status,
            headers,
            body: b"x".to_vec(),
        })
    }

    #[test]
    fn only_what_can_be_sent_is_accepted() {
        assert_eq!(
            reply(401, "WWW-Authenticate", b"Bearer").unwrap().headers()["www-authenticate"],
            "Bearer"
        );
        assert!(
            reply(200, "content-length", b"9999")
                .unwrap()
                .headers()
                .is_empty()
        );
        for (status, name, value) in [
            (101, "a", &b"b"[..]),
            (600, "a", b"b"),
            (200, "transfer-encoding", b"chunked"),
            (200, "a b", b"c"),
            (200, "a", b"b\r\nc: d"),
        ] {
            assert!(
                matches!(reply(status, name, value), Err(FailureKind::Invalid(_))),
                "{status} {name}"
            );
        }
    }
}
