//! `#[policy]`: which phases are written, and what the author left out.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, ImplItem, ImplItemFn, ItemImpl, Result, parse_quote, parse2};

use crate::exports;

/// A phase of the world, named as its method of `Policy`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Request,
    RequestBody,
    Response,
    ResponseBody,
    End,
    Tick,
    /// No phase, but exported like one: by what is written.
    Insight,
}

impl Phase {
    const ALL: [Self; 7] = [
        Self::Request,
        Self::RequestBody,
        Self::Response,
        Self::ResponseBody,
        Self::End,
        Self::Tick,
        Self::Insight,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Request => "on_request",
            Self::RequestBody => "on_request_body",
            Self::Response => "on_response",
            Self::ResponseBody => "on_response_body",
            Self::End => "on_end",
            Self::Tick => "on_tick",
            Self::Insight => "insight",
        }
    }

    /// Each of them makes the interface be exported.
    fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["on_request"],
            Self::RequestBody => &["on_request_body"],
            Self::Response => &["on_response"],
            Self::ResponseBody => &["on_response_body"],
            Self::End => &["on_end"],
            Self::Tick => &["on_tick"],
            Self::Insight => &["warnings", "explain", "openapi"],
        }
    }

    pub(crate) fn interface(self) -> String {
        self.name().replace('_', "-")
    }

    /// Parameters with `self` and the state; none if it has no state.
    fn parameters(self) -> Option<usize> {
        match self {
            Self::Request | Self::Response | Self::End => Some(3),
            Self::RequestBody | Self::ResponseBody => Some(4),
            Self::Tick | Self::Insight => None,
        }
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "`#[policy]` takes no arguments",
        ));
    }
    let mut item: ItemImpl = parse2(item)?;
    if item.trait_.is_none() {
        let message = "`#[policy]` stands above `impl Policy for …`";
        return Err(Error::new_spanned(&item.self_ty, message));
    }
    let phases = written(&item);
    if phases.is_empty() && !has_method(&item, "new") {
        let message =
            "this policy takes part in no phase; write `on_request`, or another of `Policy`'s";
        return Err(Error::new_spanned(&item.self_ty, message));
    }
    complete(&mut item, &phases);
    let exports = exports::expand(&item.self_ty, &phases);
    Ok(quote! { #item #exports })
}

fn written(item: &ItemImpl) -> Vec<Phase> {
    Phase::ALL
        .into_iter()
        .filter(|phase| {
            let mut methods = phase.methods().iter();
            methods.any(|method| has_method(item, method))
        })
        .collect()
}

fn has_method(item: &ItemImpl, name: &str) -> bool {
    item.items
        .iter()
        .any(|item| matches!(item, ImplItem::Fn(method) if method.sig.ident == name))
}

fn has_type(item: &ItemImpl, name: &str) -> bool {
    item.items
        .iter()
        .any(|item| matches!(item, ImplItem::Type(kind) if kind.ident == name))
}

fn complete(item: &mut ItemImpl, phases: &[Phase]) {
    if !has_type(item, "Config") {
        item.items.push(parse_quote! { type Config = Self; });
        if !has_method(item, "new") {
            item.items.push(parse_quote! {
                fn new(
                    config: Self,
                ) -> ::core::result::Result<
                    Self,
                    ::std::vec::Vec<::witgate_plugin::config::Problem>,
                > {
                    ::core::result::Result::Ok(config)
                }
            });
        }
    }
    if !has_type(item, "State") {
        item.items.push(parse_quote! { type State = (); });
    }
    if has_method(item, "keep") {
        item.items.push(parse_quote! { const KEEPS: bool = true; });
    }
    for method in item.items.iter_mut().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(method),
        _ => None,
    }) {
        let parameters = phases
            .iter()
            .find(|phase| method.sig.ident == phase.name())
            .and_then(|phase| phase.parameters());
        if let Some(parameters) = parameters {
            add_state(method, parameters);
        }
    }
}

/// The state comes last, and may be left out.
fn add_state(method: &mut ImplItemFn, parameters: usize) {
    if method.sig.inputs.len() + 1 == parameters {
        let state: FnArg = parse_quote! { _: &mut Self::State };
        method.sig.inputs.push(state);
    }
}
