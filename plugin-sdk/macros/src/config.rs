//! `#[config]`: two derives with the gateway's conventions.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Result, parse2};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "`#[config]` takes no arguments; write serde's attributes below it",
        ));
    }
    let item: DeriveInput = parse2(item)?;
    Ok(quote! {
        #[derive(
            ::witgate_plugin::__private::serde::Deserialize,
            ::witgate_plugin::__private::schemars::JsonSchema,
        )]
        #[serde(
            crate = "::witgate_plugin::__private::serde",
            deny_unknown_fields,
            rename_all = "kebab-case",
        )]
        #[schemars(crate = "::witgate_plugin::__private::schemars")]
        #item
    })
}
