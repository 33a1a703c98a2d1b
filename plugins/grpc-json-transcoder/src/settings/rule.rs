//! Rules written in the route file, in the shape of google.api.HttpRule.

use std::collections::BTreeMap;

use witgate_plugin::config;

/// One way to call a method, and further ones under `additional-bindings`. Exactly one of `get`, `put`, `post`, `delete`, `patch` and `custom` holds the template.
#[config]
pub(crate) struct Rule {
    /// The method's full name: `bookstore.v1.Bookstore.GetShelf`. Not in `additional-bindings`.
    #[serde(default)]
    pub(crate) selector: String,
    /// Template for GET.
    pub(crate) get: Option<String>,
    /// Template for PUT.
    pub(crate) put: Option<String>,
    /// Template for POST.
    pub(crate) post: Option<String>,
    /// Template for DELETE.
    pub(crate) delete: Option<String>,
    /// Template for PATCH.
    pub(crate) patch: Option<String>,
    /// Template for another method: `{ HEAD: /v1/shelves }`; `*` stands for any method.
    #[serde(default)]
    pub(crate) custom: BTreeMap<String, String>,
    /// `*` if the body is the whole message, the name of a field if it is that field. Default: no body.
    #[serde(default)]
    pub(crate) body: String,
    /// The field of the answer that is printed. Default: the whole answer.
    #[serde(default)]
    pub(crate) response_body: String,
    /// Further rules for the same method; one level deep.
    #[serde(default)]
    pub(crate) additional_bindings: Vec<Rule>,
}
