//! A request as somebody imagines it.

/// What [`Policy::explain`](crate::Policy::explain) is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// As in `/a/b?c=d`.
    pub path_and_query: String,
    /// Names in lower case, in the order given.
    pub headers: Vec<(String, Vec<u8>)>,
    /// None if nothing was said about it.
    pub body: Option<Vec<u8>>,
}

impl Asked {
    /// The first value of a field; bytes beyond UTF-8 become U+FFFD.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut fields = self.headers.iter();
        let (_, value) = fields.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}
