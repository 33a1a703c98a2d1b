//! An answer that the plugin gives in the upstream's place.

/// An answer that the plugin gives in the upstream's place.
///
/// ```
/// use witgate_plugin::Reply;
///
/// let reply = Reply::problem(403, "quota-exceeded", "This key has used up its requests for today.")
///     .header("retry-after", "3600");
/// assert_eq!(reply.status, 403);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub status: u16,
    /// Names and values, in this order.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Without headers and body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// With a text for people.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status)
            .header("content-type", "text/plain; charset=utf-8")
            .body(text.into())
    }

    /// With a problem document (RFC 9457), as the gateway's own errors have: `code` is for programs and stays the
    /// same for ever, `detail` is for people.
    pub fn problem(status: u16, code: &str, detail: &str) -> Self {
        let mut body = format!(r#"{{"type":"about:blank","status":{status},"code":"#);
        push_json(&mut body, code);
        body.push_str(r#","detail":"#);
        push_json(&mut body, detail);
        body.push('}');
        Self::new(status)
            .header("content-type", "application/problem+json")
            .body(body)
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

fn push_json(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_json_whatever_its_texts() {
        let reply = Reply::problem(401, "a\"b", "line\nbreak");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["code"], "a\"b");
        assert_eq!(body["detail"], "line\nbreak");
        assert_eq!(body["status"], 401);
    }
}
