//! What a component must be before it may see traffic.

use wasmtime::{
    Engine,
    component::{Component, types::ComponentItem},
};

use super::{
    capabilities,
    failure::FailureKind,
    grants::Grants,
    phase::{Phase, Phases},
};
use crate::config::raw::Capability;

/// The version of the package `witgate:plugin` that this gateway speaks.
pub(super) const VERSION: Version = Version(0, 1, 0);

/// Why a component is not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the component cannot be read: {0}")]
    Unreadable(std::io::Error),
    #[error("the file is empty")]
    Empty,
    #[error("the file is not WebAssembly")]
    NotWasm,
    #[error("the file is a core module, not a component")]
    CoreModule,
    #[error("the component is not valid: {0}")]
    NotValid(String),
    #[error("the component is of another world: it does not export `witgate:plugin/policy`{}", exports(.0))]
    OtherWorld(Vec<String>),
    #[error("the component was made for `witgate:plugin@{0}`; this gateway speaks {VERSION}")]
    OtherVersion(Version),
    #[error("the component imports `{0}`, which it was not granted")]
    NotGranted(&'static str),
    #[error("the component imports `{0}`, which this gateway does not offer")]
    UnknownImport(String),
    #[error("the component does not fit the world `witgate:plugin@{VERSION}`: {0}")]
    Misfit(String),
    #[error("the component {0} when it was started")]
    Start(FailureKind),
}

impl Refusal {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::CoreModule => {
                String::from("build it for the target `wasm32-wasip2`, which makes a component")
            }
            Self::NotWasm => {
                String::from("name the `.wasm` file that the build of the plugin made")
            }
            Self::OtherVersion(theirs) if *theirs > VERSION => {
                format!(
                    "use a newer witgate, or build the plugin with version {VERSION} of the SDK"
                )
            }
            Self::OtherVersion(_) => {
                format!("build the plugin again with version {VERSION} of the SDK")
            }
            Self::NotGranted(name) => format!("add `{name}` to its `grants` if it may have that"),
            Self::OtherWorld(_) => String::from("a plugin is made with the SDK `witgate-plugin`"),
            Self::Start(FailureKind::Memory(_)) => {
                String::from("raise `limits.memory` or `limits.table`")
            }
            _ => return None,
        })
    }
}

fn exports(names: &[String]) -> String {
    match names {
        [] => String::from(" (it exports nothing)"),
        names => format!(" (it exports {})", names.join(", ")),
    }
}

/// What a component's own type says about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) phases: Phases,
    /// It imports something that waits: its calls need a fiber.
    pub(super) waits: bool,
}

/// What can be told from the first bytes, with clearer words than a parser's.
pub(super) fn inspect_bytes(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes {
        [] => Err(Refusal::Empty),
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(Refusal::CoreModule),
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        _ => Err(Refusal::NotWasm),
    }
}

/// Compares the component's imports with its grants, and learns its phases from its exports.
pub(super) fn inspect(
    engine: &Engine,
    component: &Component,
    grants: &Grants,
) -> Result<Shape, Refusal> {
    let ty = component.component_type();
    let mut shape = Shape {
        phases: Phases::default(),
        waits: false,
    };
    let mut others = Vec::new();
    let mut has_policy = false;
    for (name, _) in ty.exports(engine) {
        match Interface::parse(name) {
            Some(interface) if interface.package == "witgate:plugin" => {
                interface.check_version()?;
                has_policy |= interface.name == "policy";
                let phase = Phase::ALL
                    .into_iter()
                    .find(|phase| phase.name() == interface.name);
                if let Some(phase) = phase.filter(|phase| *phase != Phase::Configure) {
                    shape.phases = shape.phases.with(phase);
                }
            }
            _ => others.push(format!("`{name}`")),
        }
    }
    if !has_policy {
        return Err(Refusal::OtherWorld(others));
    }
    for (name, item) in ty.imports(engine) {
        let unknown = || Refusal::UnknownImport(name.to_owned());
        let interface = Interface::parse(name).ok_or_else(unknown)?;
        match interface.package {
            "witgate:plugin" => interface.check_grant(grants)?.ok_or_else(unknown)?,
            package if WASI.contains(&package) => {
                shape.waits |= waits(engine, &interface, &item.ty);
            }
            _ => return Err(unknown()),
        }
    }
    Ok(shape)
}

/// The packages of WASI 0.2 that are linked; `wasi` says to what.
const WASI: [&str; 6] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// Whether something is imported that can make a guest wait. The standard library imports `wasi:io/poll` for
/// its streams too, and those never wait: what counts is where the pollables can come from.
fn waits(engine: &Engine, interface: &Interface<'_>, item: &ComponentItem) -> bool {
    let ComponentItem::ComponentInstance(instance) = item else {
        return false;
    };
    let mut functions = instance
        .exports(engine)
        .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)));
    match (interface.package, interface.name) {
        ("wasi:clocks", "monotonic-clock") => {
            functions.any(|(name, _)| name.starts_with("subscribe-"))
        }
        ("wasi:sockets", _) => functions.next().is_some(),
        _ => false,
    }
}

/// The name of an interface, as `package/name@version`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface<'a> {
    pub(super) package: &'a str,
    pub(super) name: &'a str,
    version: Version,
}

impl<'a> Interface<'a> {
    pub(super) fn parse(full: &'a str) -> Option<Self> {
        let (path, version) = full.split_once('@')?;
        let (package, name) = path.split_once('/')?;
        let version = Version::parse(version)?;
        Some(Self {
            package,
            name,
            version,
        })
    }

    fn check_version(&self) -> Result<(), Refusal> {
        let fits =
            self.version.0 == VERSION.0 && self.version.1 == VERSION.1 && self.version <= VERSION;
        if fits {
            Ok(())
        } else {
            Err(Refusal::OtherVersion(self.version))
        }
    }

    /// The capability of this name; none when it is no capability.
    pub(super) fn capability(&self) -> Option<(Capability, &'static str)> {
        capabilities::ALL
            .into_iter()
            .find(|(_, name)| *name == self.name)
    }

    fn check_grant(&self, grants: &Grants) -> Result<Option<()>, Refusal> {
        self.check_version()?;
        match self.capability() {
            _ if self.name == "types" => Ok(Some(())),
            Some((capability, _)) if grants.allow(capability) => Ok(Some(())),
            Some((_, name)) => Err(Refusal::NotGranted(name)),
            None => Ok(None),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u16, u16, u16);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(['.', '-', '+']);
        let mut next = || parts.next()?.parse().ok();
        Some(Self(next()?, next()?, next()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}
