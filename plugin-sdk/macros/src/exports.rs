//! The component's side of `#[policy]`: a world with the written phases, and what implements it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Type;

use crate::policy::Phase;

const TYPES: &str = include_str!("../../../wit/types.wit");

/// Only for components: elsewhere there is no gateway to call the exports, and nothing to link them to.
pub(crate) fn expand(policy: &Type, phases: &[Phase]) -> TokenStream {
    let wit = world(phases);
    let glue = phases
        .iter()
        .map(|phase| format_ident!("__export_{}", phase.name()));
    quote! {
        // What only the exports use must not look unused where there are none.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn(
            <#policy as ::witgate_plugin::Policy>::Config,
        ) -> ::core::result::Result<
            #policy,
            ::std::vec::Vec<::witgate_plugin::config::Problem>,
        > = <#policy as ::witgate_plugin::Policy>::new;

        #[cfg(target_arch = "wasm32")]
        #[doc(hidden)]
        type __WitgatePolicy = #policy;

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "generated: the canonical ABI speaks of raw pointers")]
        #[allow(unreachable_pub, unused_qualifications, clippy::all)]
        #[doc(hidden)]
        mod __witgate_exports {
            ::witgate_plugin::__private::wit_bindgen::generate!({
                inline: #wit,
                world: "this-plugin",
                runtime_path: "::witgate_plugin::__private::wit_bindgen::rt",
                with: {
                    "witgate:plugin/types@0.1.0":
                        ::witgate_plugin::__private::bindings::witgate::plugin::types,
                },
            });
            ::witgate_plugin::__export_policy!(super::__WitgatePolicy);
            #(::witgate_plugin::#glue!(super::__WitgatePolicy);)*
            export!(Component);
        }
    }
}

fn world(phases: &[Phase]) -> String {
    let mut wit = format!("{TYPES}\nworld this-plugin {{\n  import types;\n  export policy;\n");
    for phase in phases {
        wit.push_str(&format!("  export {};\n", phase.interface()));
    }
    wit.push_str("}\n");
    wit
}
