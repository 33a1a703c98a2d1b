//! Gives a component what it imports, and nothing else.

use wasmtime::{
    Engine,
    component::{Component, Linker, types::ComponentItem},
};

use super::{
    admission::Interface, capabilities, identity, keepsake, request, response, reuse, state::State,
    summary, wasi,
};

/// A linker for one component that `admission` has let in. Every interface is defined under the very name that
/// the component imports, so that compatible versions meet.
pub(super) fn linker(
    engine: &Engine,
    component: &Component,
    waits: bool,
) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    if waits {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    }
    let ty = component.component_type();
    for (name, item) in ty.imports(engine) {
        let (Some(interface), ComponentItem::ComponentInstance(instance)) =
            (Interface::parse(name), &item.ty)
        else {
            continue;
        };
        if interface.package != "witgate:plugin" {
            if !waits {
                wasi::link(engine, &interface, instance, &mut linker.instance(name)?)?;
            }
            continue;
        }
        let mut here = linker.instance(name)?;
        if let Some((capability, _)) = interface.capability() {
            capabilities::link(capability, &mut here)?;
        } else {
            request::link(&mut here)?;
            response::link(&mut here)?;
            summary::link(&mut here)?;
            keepsake::link(&mut here)?;
            identity::link(&mut here)?;
            reuse::link(&mut here)?;
        }
    }
    Ok(linker)
}
