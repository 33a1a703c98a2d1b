//! What a plugin may import, and which of the things that have names it may open.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::Arc,
};

use super::capabilities;
use crate::config::{
    problem::{Problem, closest},
    raw::{self, Capability},
    span::Spanned,
};

/// What `witgate.yaml` grants one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<Capability, Names>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    /// Whatever is declared.
    All,
    Only(BTreeSet<Box<str>>),
}

impl Grants {
    pub(super) fn new(raw: &[Spanned<raw::Grant>]) -> Self {
        let mut grants = BTreeMap::new();
        for grant in raw {
            let granted = grants
                .entry(grant.capability)
                .or_insert_with(|| Names::Only(BTreeSet::new()));
            match (granted, &grant.names) {
                (granted, None) => *granted = Names::All,
                (Names::Only(granted), Some(names)) => {
                    granted.extend(names.iter().map(|name| name.as_str().into()));
                }
                (Names::All, Some(_)) => {}
            }
        }
        Self(grants)
    }

    pub(super) fn allow(&self, capability: Capability) -> bool {
        self.0.contains_key(&capability)
    }

    /// Whether a plugin may open the thing of this name; if not, why, and what to write.
    pub(super) fn may_open(&self, capability: Capability, name: &str) -> Result<(), String> {
        match self.0.get(&capability) {
            Some(Names::All) => Ok(()),
            Some(Names::Only(names)) if names.contains(name) => Ok(()),
            Some(Names::Only(names)) => {
                let mut all: Vec<&str> = names.iter().map(|name| &**name).collect();
                all.push(name);
                let all = all.join(", ");
                Err(format!(
                    "the grant `{capability}` of this plugin does not name `{name}`; if it may have that, write \
                     `{capability}: [{all}]` among its `grants` in witgate.yaml"
                ))
            }
            None => Err(format!("this plugin was not granted `{capability}`")),
        }
    }

    /// As they could be written.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(capability, names)| match names {
            Names::All => capability.to_string(),
            Names::Only(names) => format!("{capability}: {names}", names = List(names)),
        })
    }
}

struct List<'a>(&'a BTreeSet<Box<str>>);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|name| &**name).collect();
        write!(f, "[{}]", names.join(", "))
    }
}

/// Names in grants that name nothing.
pub fn check_grants(raw: &raw::Gateway, file: &Arc<PathBuf>) -> Vec<Problem> {
    let plugins = raw.plugins.values();
    let grants = plugins.flat_map(|plugin| &plugin.grants);
    grants
        .filter_map(|grant| Some((grant, grant.names.as_ref()?)))
        .flat_map(|(grant, names)| check(raw, grant, names, file))
        .collect()
}

fn check(
    raw: &raw::Gateway,
    grant: &Spanned<raw::Grant>,
    names: &[Spanned<String>],
    file: &Arc<PathBuf>,
) -> Vec<Problem> {
    let capability = grant.capability;
    let Some((key, declared)) = declared(raw, capability) else {
        let message = format!("`{capability}` hands out nothing that has a name");
        let problem = Problem::error(file, grant.span, message);
        return vec![problem.hint(format!("write `{capability}` alone"))];
    };
    if names.is_empty() {
        let message = format!("this grants `{capability}` and nothing to open with it");
        let problem = Problem::error(file, grant.span, message);
        return vec![problem.hint(format!(
            "name what stands under `{key}`, or write `{capability}` alone for all of it"
        ))];
    }
    let unknown = names
        .iter()
        .filter(|name| !declared.contains(&name.as_str()));
    unknown
        .map(|name| {
            let message = format!("nothing is called `{}` under `{key}`", name.value);
            let hint = match closest(name, declared.iter().copied()) {
                Some(closest) => format!("did you mean `{closest}`?"),
                None => String::from("declare it there, or take it out of the grant"),
            };
            Problem::error(file, name.span, message).hint(hint)
        })
        .collect()
}

/// All that plugins may open by name, with the capability that it takes.
pub fn declared_names(raw: &raw::Gateway) -> impl Iterator<Item = (Capability, &str)> {
    let all = capabilities::ALL.into_iter();
    all.flat_map(|(capability, _)| {
        let names = declared(raw, capability).map(|(_, names)| names);
        names
            .into_iter()
            .flatten()
            .map(move |name| (capability, name))
    })
}

/// The key of `witgate.yaml` that declares what a capability hands out by name, and the names; none for others.
fn declared(raw: &raw::Gateway, capability: Capability) -> Option<(&'static str, Vec<&str>)> {
    fn names<T>(map: &BTreeMap<String, T>) -> Vec<&str> {
        map.keys().map(String::as_str).collect()
    }
    Some(match capability {
        Capability::Keys => ("key-sets", names(&raw.key_sets)),
        Capability::Descriptors => ("descriptors", names(&raw.descriptors)),
        Capability::HttpClient => ("http-clients", names(&raw.http_clients)),
        Capability::Limits => ("rate-limits", names(&raw.rate_limits)),
        Capability::Secrets => ("secrets", names(&raw.secrets)),
        Capability::Files => ("files", names(&raw.files)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(yaml: &[(Capability, Option<&[&str]>)]) -> Grants {
        let raw: Vec<_> = yaml
            .iter()
            .map(|(capability, names)| {
                let names = names.map(|names| {
                    let names = names.iter();
                    names
                        .map(|name| Spanned::new((*name).to_owned(), Default::default()))
                        .collect()
                });
                let grant = raw::Grant {
                    capability: *capability,
                    names,
                };
                Spanned::new(grant, Default::default())
            })
            .collect();
        Grants::new(&raw)
    }

    #[test]
    fn a_name_that_was_not_granted_is_refused_with_the_grant_to_write() {
        let some = grants(&[
            (Capability::Log, None),
            (Capability::Secrets, Some(&["a"])),
            (Capability::Secrets, Some(&["b"])),
        ]);
        assert_eq!(some.may_open(Capability::Secrets, "a"), Ok(()));
        assert_eq!(some.may_open(Capability::Secrets, "b"), Ok(()));
        let refused = some.may_open(Capability::Secrets, "c").unwrap_err();
        assert!(refused.contains("write `secrets: [a, b, c]`"), "{refused}");
        assert!(some.may_open(Capability::Keys, "a").is_err());
        assert!(some.allow(Capability::Log) && !some.allow(Capability::Keys));
        let shown: Vec<_> = some.iter().collect();
        assert_eq!(shown, ["log", "secrets: [a, b]"]);
    }

    #[test]
    fn a_bare_grant_means_all() {
        for both in [[None, Some(&["a"][..])], [Some(&["a"][..]), None]] {
            let both = both.map(|names| (Capability::Keys, names));
            assert_eq!(grants(&both).may_open(Capability::Keys, "x"), Ok(()));
        }
    }
}
