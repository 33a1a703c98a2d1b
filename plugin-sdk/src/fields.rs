//! What the heads of requests and of responses have in common: their fields.

/// What frames the message, and what it says about the client and the exchange. The gateway's own list, in
/// `gateway/src/pipeline/sandbox/fields.rs`, is the same.
const GATEWAY_OWNED: [&str; 15] = [
    "connection",
    "content-length",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// Whether the gateway lets no plugin edit the field.
pub fn is_gateway_owned(name: &str) -> bool {
    let mut owned = GATEWAY_OWNED.iter();
    owned.any(|owned| owned.eq_ignore_ascii_case(name))
}

/// Whether a field, or a method, can have this name: a token (RFC 9110 section 5.6.2).
pub fn is_token(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

/// Gives a head with a `handle` the methods on its fields.
macro_rules! fields {
    ($head:ident) => {
        impl $head<'_> {
            /// All values of a field joined with `, ` (RFC 9110 section 5.2), bytes beyond UTF-8 as U+FFFD.
            pub fn header(&self, name: &str) -> Option<String> {
                self.handle.header(name).map(backend::text)
            }

            /// All values of a field joined with `, `, byte by byte.
            pub fn header_bytes(&self, name: &str) -> Option<Vec<u8>> {
                self.handle.header(name)
            }

            /// Each value of a field by itself, in the order received.
            pub fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
                self.handle.header_values(name)
            }

            /// Every field, names in lower case. Dearer than asking for the ones you need.
            pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
                self.handle.headers()
            }

            /// Replaces all values of a field.
            pub fn set_header(
                &mut self,
                name: &str,
                value: impl AsRef<[u8]>,
            ) -> Result<(), EditError> {
                backend::edited(self.handle.set_header(name, value.as_ref()))
            }

            /// Adds a value beside those that are there.
            pub fn append_header(
                &mut self,
                name: &str,
                value: impl AsRef<[u8]>,
            ) -> Result<(), EditError> {
                backend::edited(self.handle.append_header(name, value.as_ref()))
            }

            /// Removes all values of a field; no error if there are none.
            pub fn remove_header(&mut self, name: &str) -> Result<(), EditError> {
                backend::edited(self.handle.remove_header(name))
            }

            /// A trailer field; there only once the body has ended.
            pub fn trailer(&self, name: &str) -> Option<String> {
                self.handle.trailer(name).map(backend::text)
            }

            /// Every trailer field, names in lower case; there only once the body has ended.
            pub fn trailers(&self) -> Vec<(String, Vec<u8>)> {
                self.handle.trailers()
            }
        }
    };
}

pub(crate) use fields;
