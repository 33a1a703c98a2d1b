//! From descriptors and settings to the rules of an API.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use witgate_plugin::config::Problem;

use super::{
    Api, Origin, Rule,
    http_rule::{HttpRule, Malformed},
    place, rule,
};
use crate::{matcher::Matcher, settings::Settings};

/// Services that are there for tools, not for REST clients; they are served only by name.
const TOOLS: [&str; 2] = ["grpc.reflection.", "grpc.health."];

pub(super) fn compile(pool: &DescriptorPool, settings: &Settings) -> Result<Api, Vec<Problem>> {
    let mut compiler = Compiler {
        settings,
        rules: Vec::new(),
        matcher: Matcher::new(
            settings.path.unregistered_verb,
            settings.path.trailing_slash,
        ),
        problems: settings.check(),
    };
    let services = compiler.services(pool);
    let overrides = compiler.overrides(&services);
    for service in &services {
        for method in service.methods() {
            compiler.method(&method, overrides.get(method.full_name()).copied());
        }
    }
    compiler.check_used_fields();
    if compiler.problems.is_empty() {
        Ok(Api {
            rules: compiler.rules,
            matcher: compiler.matcher,
        })
    } else {
        Err(compiler.problems)
    }
}

struct Compiler<'s> {
    settings: &'s Settings,
    rules: Vec<Rule>,
    matcher: Matcher,
    problems: Vec<Problem>,
}

impl Compiler<'_> {
    fn services(&mut self, pool: &DescriptorPool) -> Vec<ServiceDescriptor> {
        let declared = || {
            pool.services().filter(|service| {
                !TOOLS
                    .iter()
                    .any(|tool| service.full_name().starts_with(tool))
            })
        };
        if self.settings.services.is_empty() {
            return declared().collect();
        }
        let mut services = Vec::<ServiceDescriptor>::new();
        for (index, name) in self.settings.services.iter().enumerate() {
            match pool.get_service_by_name(name) {
                Some(service) if services.contains(&service) => {}
                Some(service) => services.push(service),
                None => {
                    let names: Vec<_> = declared()
                        .map(|known| format!("`{}`", known.full_name()))
                        .collect();
                    let message = format!(
                        "the descriptors declare no service `{name}`; they declare {}",
                        names.join(", ")
                    );
                    self.problems
                        .push(Problem::at(format!("/services/{index}"), message));
                }
            }
        }
        services
    }

    /// The rules of the settings by method; the last for a method counts.
    fn overrides(&mut self, services: &[ServiceDescriptor]) -> BTreeMap<String, usize> {
        let methods = || services.iter().flat_map(ServiceDescriptor::methods);
        let mut overrides = BTreeMap::new();
        for (index, rule) in self.settings.rules.iter().enumerate() {
            if methods().any(|method| method.full_name() == rule.selector) {
                overrides.insert(rule.selector.clone(), index);
            } else {
                let message = format!(
                    "no service of this route has a method `{}`; write its full name, as `package.Service.Method`",
                    rule.selector
                );
                self.problems
                    .push(Problem::at(format!("/rules/{index}/selector"), message));
            }
        }
        overrides
    }

    fn method(&mut self, method: &MethodDescriptor, settings: Option<usize>) {
        if let Some(index) = settings {
            let rule = HttpRule::from(&self.settings.rules[index]);
            return self.bindings(method, &rule, Origin::Settings(index));
        }
        match HttpRule::of(method) {
            Ok(Some(rule)) => self.bindings(method, &rule, Origin::Proto),
            Ok(None) if self.settings.auto_rules => {
                let template = rule::call_path(method);
                let rule = HttpRule {
                    patterns: vec![(String::from("POST"), template)],
                    body: String::from("*"),
                    ..HttpRule::default()
                };
                self.bindings(method, &rule, Origin::Auto);
            }
            Ok(None) => {}
            Err(Malformed) => {
                let message = format!(
                    "{}: its option google.api.http is malformed",
                    place::named(method)
                );
                self.problems.push(Problem::at("/descriptors", message));
            }
        }
    }

    fn bindings(&mut self, method: &MethodDescriptor, rule: &HttpRule, origin: Origin) {
        self.binding(method, rule, origin, "");
        for (index, binding) in rule.additional_bindings.iter().enumerate() {
            let place = format!("/additional-bindings/{index}");
            if !binding.additional_bindings.is_empty() {
                let message = "additional bindings have none of their own (http.proto); move them one level up";
                self.problem(method, origin, &place, message);
            }
            self.binding(method, binding, origin, &place);
        }
    }

    fn binding(&mut self, method: &MethodDescriptor, rule: &HttpRule, origin: Origin, place: &str) {
        let rule = match rule::rule(self.settings, method, rule, origin) {
            Ok(rule) => rule,
            Err(message) => return self.problem(method, origin, place, &message),
        };
        let index = self.rules.len();
        if let Err(known) = self.matcher.insert(&rule.method, &rule.template, index) {
            let known = &self.rules[known];
            let message = if known.rpc == rule.rpc {
                format!(
                    "`{}` matches the same requests as `{}` of the same method; remove one",
                    rule.title(),
                    known.title()
                )
            } else {
                format!(
                    "`{}` matches the same requests as `{}` of {}; change one",
                    rule.title(),
                    known.title(),
                    known.name()
                )
            };
            return self.problem(method, origin, place, &message);
        }
        self.rules.push(rule);
    }

    /// What binds fields by their names in all methods should do so in one at least.
    fn check_used_fields(&mut self) {
        let used = |name: &str| {
            self.rules.iter().any(|rule| {
                rule.headers
                    .iter()
                    .any(|(known, _)| known.eq_ignore_ascii_case(name))
            })
        };
        let unused = self.settings.headers.iter().filter(|(name, _)| !used(name));
        let unused = unused.map(|(name, path)| {
            let message = format!("no method with a rule has a field `{path}` that takes a text; write its name in the .proto");
            Problem::at(format!("/headers/{}", pointer(name)), message)
        });
        let unused: Vec<_> = unused.collect();
        self.problems.extend(unused);
        let capture = self.settings.query.capture.as_ref();
        if let Some(name) = capture.filter(|_| self.rules.iter().all(|rule| rule.capture.is_none()))
        {
            let message = format!(
                "no method with a rule has a field `{name}` that is a map<string, string> or a google.protobuf.Struct"
            );
            self.problems.push(Problem::at("/query/capture", message));
        }
    }

    fn problem(&mut self, method: &MethodDescriptor, origin: Origin, place: &str, message: &str) {
        self.problems.push(match origin {
            Origin::Settings(index) => Problem::at(
                format!("/rules/{index}{place}"),
                format!("{}: {message}", method.full_name()),
            ),
            Origin::Proto => Problem::at(
                "/descriptors",
                format!("{}: {message}", place::named(method)),
            ),
            Origin::Auto => Problem::at(
                "/auto-rules",
                format!("{}: {message}", place::named(method)),
            ),
        });
    }
}

fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
