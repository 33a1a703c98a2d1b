//! The attribute macros of `witgate-plugin`, documented there.

mod config;
mod exports;
mod policy;

use proc_macro::TokenStream;

/// Makes a struct (or enum) readable from a route file.
///
/// It becomes `Deserialize` and `JsonSchema`, with keys in kebab-case and unknown keys refused; the doc comments
/// become the descriptions in the schema. Fields take serde's attributes: `#[serde(default)]` for those that may be
/// left out.
#[proc_macro_attribute]
pub fn config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    config::expand(arguments.into(), item.into())
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Exports the phases that an `impl Policy for …` writes, and fills in what it leaves out.
#[proc_macro_attribute]
pub fn policy(arguments: TokenStream, item: TokenStream) -> TokenStream {
    policy::expand(arguments.into(), item.into())
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
