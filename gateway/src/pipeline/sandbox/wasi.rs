//! WASI 0.2 for components that import it because their language's library does.
//!
//! A component that cannot wait gets the functions here: an empty environment, no files, no sockets, no input,
//! `stdout` and `stderr` as lines in the log, and an exit that is a trap. None of them blocks. Clocks and
//! randomness are the real ones, without a grant: a library cannot be kept from reading them (hash maps are
//! seeded), and they tell nothing about other exchanges. One that waits gets wasmtime's own implementation,
//! equally without environment, files and network.

mod waiting;

use wasmtime::{
    Engine, StoreContextMut,
    component::{
        ComponentType, Lift, LinkerInstance, Lower, Resource, ResourceType,
        types::{ComponentInstance, ComponentItem},
    },
};

use super::{
    admission::Interface,
    bindings::log::Level,
    capabilities::{clock, random},
    state::State,
};

struct InputStream;
struct OutputStream;
struct Pollable;
struct IoError;
struct TerminalInput;
struct TerminalOutput;
struct Descriptor;
struct DirectoryEntryStream;
struct Other;

#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[allow(dead_code)]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lower, Lift)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

type Store<'a> = StoreContextMut<'a, State>;
type Out = Resource<OutputStream>;
type In = Resource<InputStream>;
type Written = Result<(), StreamError>;
type Read = Result<Vec<u8>, StreamError>;

const STDOUT: u32 = 1;
const STDERR: u32 = 2;
/// Bytes that a stream takes at once.
const ROOM: u64 = 64 * 1024;

/// Defines what the component imports of one interface.
pub(super) fn link(
    engine: &Engine,
    interface: &Interface<'_>,
    imported: &ComponentInstance,
    linker: &mut LinkerInstance<'_, State>,
) -> wasmtime::Result<()> {
    for (name, item) in imported.exports(engine) {
        match item.ty {
            ComponentItem::Resource(_) => linker.resource(name, resource(name), |_, _| Ok(()))?,
            ComponentItem::ComponentFunc(_) => {
                let defined = match (interface.package, interface.name) {
                    ("wasi:cli", _) => cli(name, interface.name, linker)?,
                    ("wasi:io", _) => io(name, linker)?,
                    ("wasi:clocks", "wall-clock") => wall_clock(name, linker)?,
                    ("wasi:clocks", _) => monotonic_clock(name, linker)?,
                    ("wasi:random", _) => randomness(name, linker)?,
                    _ => files(name, linker)?,
                };
                if !defined {
                    // Only reachable with a handle that nothing here gives out (a file's, a socket's).
                    let full = format!("{}/{}#{name}", interface.package, interface.name);
                    linker.func_new(name, move |_, _, _, _| {
                        wasmtime::bail!("`{full}` is not offered to plugins")
                    })?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "error" => ResourceType::host::<IoError>(),
        "terminal-input" => ResourceType::host::<TerminalInput>(),
        "terminal-output" => ResourceType::host::<TerminalOutput>(),
        "descriptor" => ResourceType::host::<Descriptor>(),
        "directory-entry-stream" => ResourceType::host::<DirectoryEntryStream>(),
        _ => ResourceType::host::<Other>(),
    }
}

fn cli(
    name: &str,
    interface: &str,
    linker: &mut LinkerInstance<'_, State>,
) -> wasmtime::Result<bool> {
    match (interface, name) {
        (_, "get-environment") => {
            linker.func_wrap(name, |_, ()| Ok((Vec::<(String, String)>::new(),)))?;
        }
        (_, "get-arguments") => linker.func_wrap(name, |_, ()| Ok((Vec::<String>::new(),)))?,
        (_, "initial-cwd") => linker.func_wrap(name, |_, ()| Ok((None::<String>,)))?,
        (_, "exit") => linker.func_wrap(name, |_, (_,): (Result<(), ()>,)| exit())?,
        (_, "exit-with-code") => linker.func_wrap(name, |_, (_,): (u8,)| exit())?,
        (_, "get-stdin") => linker.func_wrap(name, |_, ()| Ok((In::new_own(0),)))?,
        (_, "get-stdout") => linker.func_wrap(name, |_, ()| Ok((Out::new_own(STDOUT),)))?,
        (_, "get-stderr") => linker.func_wrap(name, |_, ()| Ok((Out::new_own(STDERR),)))?,
        (_, "get-terminal-stdin") => {
            linker.func_wrap(name, |_, ()| Ok((None::<Resource<TerminalInput>>,)))?;
        }
        (_, "get-terminal-stdout" | "get-terminal-stderr") => {
            linker.func_wrap(name, |_, ()| Ok((None::<Resource<TerminalOutput>>,)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn exit() -> wasmtime::Result<()> {
    wasmtime::bail!("the plugin called `exit`")
}

fn io(name: &str, linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<bool> {
    match name {
        "[method]output-stream.check-write" => {
            linker.func_wrap(name, |_, (_,): (Out,)| Ok((Ok::<u64, StreamError>(ROOM),)))?;
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => linker
            .func_wrap(
                name,
                |mut store: Store<'_>, (stream, text): (Out, Vec<u8>)| {
                    store.data_mut().print(stream.rep(), &text);
                    Ok((Written::Ok(()),))
                },
            )?,
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            linker.func_wrap(name, |_, (_,): (Out,)| Ok((Written::Ok(()),)))?;
        }
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            linker.func_wrap(name, |_, (_, _): (In, u64)| {
                Ok((Read::Err(StreamError::Closed),))
            })?;
        }
        "[method]output-stream.subscribe" => linker.func_wrap(name, |_, (_,): (Out,)| ready())?,
        "[method]input-stream.subscribe" => linker.func_wrap(name, |_, (_,): (In,)| ready())?,
        "[method]pollable.ready" => {
            linker.func_wrap(name, |_, (_,): (Resource<Pollable>,)| Ok((true,)))?;
        }
        "[method]pollable.block" => {
            linker.func_wrap(name, |_, (_,): (Resource<Pollable>,)| Ok(()))?;
        }
        "poll" => linker.func_wrap(name, |_, (pollables,): (Vec<Resource<Pollable>>,)| {
            Ok(((0u32..).take(pollables.len()).collect::<Vec<_>>(),))
        })?,
        "[method]error.to-debug-string" => {
            linker.func_wrap(name, |_, (_,): (Resource<IoError>,)| {
                Ok((String::from("closed"),))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Everything that there is to wait for is there.
fn ready() -> wasmtime::Result<(Resource<Pollable>,)> {
    Ok((Resource::new_own(0),))
}

fn wall_clock(name: &str, linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<bool> {
    match name {
        "now" => linker.func_wrap(name, |_, ()| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let now = now.unwrap_or_default();
            Ok((Datetime {
                seconds: now.as_secs(),
                nanoseconds: now.subsec_nanos(),
            },))
        })?,
        "resolution" => {
            linker.func_wrap(name, |_, ()| {
                Ok((Datetime {
                    seconds: 0,
                    nanoseconds: 1,
                },))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn monotonic_clock(name: &str, linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<bool> {
    match name {
        "now" => linker.func_wrap(name, |_, ()| Ok((clock::monotonic(),)))?,
        "resolution" => linker.func_wrap(name, |_, ()| Ok((1u64,)))?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn randomness(name: &str, linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<bool> {
    match name {
        "get-random-bytes" | "get-insecure-random-bytes" => {
            linker.func_wrap(name, |_, (len,): (u64,)| {
                wasmtime::ensure!(
                    len <= ROOM,
                    "at most {ROOM} random bytes can be had at once"
                );
                let mut bytes = vec![0; usize::try_from(len)?];
                random::fill(&mut bytes)?;
                Ok((bytes,))
            })?;
        }
        "get-random-u64" | "get-insecure-random-u64" => {
            linker.func_wrap(name, |_, ()| Ok((random::number()?,)))?;
        }
        "insecure-seed" => {
            linker.func_wrap(name, |_, ()| Ok(((random::number()?, random::number()?),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn files(name: &str, linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<bool> {
    if name != "get-directories" {
        return Ok(false);
    }
    linker.func_wrap(name, |_, ()| {
        Ok((Vec::<(Resource<Descriptor>, String)>::new(),))
    })?;
    Ok(true)
}

impl State {
    fn print(&self, stream: u32, text: &[u8]) {
        let level = if stream == STDERR {
            Level::Warn
        } else {
            Level::Info
        };
        for line in String::from_utf8_lossy(text)
            .lines()
            .filter(|line| !line.is_empty())
        {
            self.log(level, line);
        }
    }
}
