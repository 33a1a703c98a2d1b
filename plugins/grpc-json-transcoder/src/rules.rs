//! The rules of an API: which HTTP requests are which calls.

mod compile;
mod fields;
mod http_rule;
mod place;
mod rule;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use prost_reflect::{DescriptorPool, FieldDescriptor, MethodDescriptor};
use witgate_plugin::config::Problem;

use crate::{
    matcher::{Matcher, Miss},
    refusal::{Code, Refusal},
    settings::Settings,
    template::{Template, Variable},
};

pub(crate) use fields::exclusive;

/// A field, with the fields of messages that lead to it.
pub(crate) type FieldPath = Rc<[FieldDescriptor]>;

/// All rules of one route.
pub(crate) struct Api {
    /// In the order of the services and their methods.
    rules: Vec<Rule>,
    matcher: Matcher,
}

/// One way to call a method by HTTP.
pub(crate) struct Rule {
    pub(crate) rpc: MethodDescriptor,
    /// `/package.Service/Method`.
    pub(crate) call_path: String,
    /// `GET` or another method of HTTP, `*` for any.
    pub(crate) method: String,
    pub(crate) template: Template,
    /// The fields of the template's variables, in their order.
    pub(crate) variables: Vec<FieldPath>,
    pub(crate) body: BodyRule,
    /// What of the answer is printed; empty for the whole.
    pub(crate) response_body: Vec<FieldDescriptor>,
    /// Header fields that are bound, in lower case.
    pub(crate) headers: Vec<(String, FieldPath)>,
    /// What takes unknown parameters of the query, if they are captured.
    pub(crate) capture: Option<FieldDescriptor>,
    pub(crate) origin: Origin,
}

/// What the body is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BodyRule {
    /// Nothing.
    None,
    /// The message.
    Whole,
    /// A field of it, with the fields of messages that lead to it.
    Field(Vec<FieldDescriptor>),
}

/// Where a rule was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the .proto, as `google.api.http`.
    Proto,
    /// In the route file, at this place of `rules`.
    Settings(usize),
    /// Nowhere: `auto-rules`.
    Auto,
}

/// The rule for a request.
#[derive(Clone, Copy)]
pub(crate) struct Match<'a> {
    pub(crate) rule: &'a Rule,
    /// As the client wrote it, without verb.
    path: &'a str,
}

impl Api {
    /// Reports everything that is wrong at once.
    pub(crate) fn compile(
        pool: &DescriptorPool,
        settings: &Settings,
    ) -> Result<Self, Vec<Problem>> {
        compile::compile(pool, settings)
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// `path` comes without query. HEAD is GET where no rule is for HEAD (RFC 9110 section 9.3.2).
    pub(crate) fn find<'a>(&'a self, method: &str, path: &'a str) -> Result<Match<'a>, Miss> {
        let found = self.matcher.find(method, path).or_else(|miss| {
            if method != "HEAD" {
                return Err(miss);
            }
            let as_get = self.matcher.find("GET", path);
            as_get.map_err(|other| match other {
                Miss::Slash(bare) => Miss::Slash(bare),
                Miss::Unknown | Miss::Method(_) => miss,
            })
        })?;
        Ok(Match {
            rule: &self.rules[found.rule],
            path: found.path,
        })
    }
}

impl<'a> Match<'a> {
    /// Variables with their fields, and what they hold, still encoded.
    pub(crate) fn captures(
        &self,
    ) -> impl Iterator<Item = (&'a Variable, &'a FieldPath, &'a str)> + use<'a> {
        let Self { rule, path } = *self;
        let variables = rule.template.variables().iter().zip(&rule.variables);
        variables
            .map(move |(variable, field)| (variable, field, rule.template.capture(variable, path)))
    }
}

impl Rule {
    /// As people name it: `bookstore.v1.Bookstore.GetShelf (bookstore.proto:12:3)`.
    pub(crate) fn name(&self) -> String {
        match self.origin {
            Origin::Proto => place::named(&self.rpc),
            Origin::Settings(index) => format!("{} (/rules/{index})", self.rpc.full_name()),
            Origin::Auto => format!("{} (auto-rules)", self.rpc.full_name()),
        }
    }

    /// `GET /v1/shelves/{shelf}`.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

impl Miss {
    pub(crate) fn refusal(&self, method: &str, path: &str) -> Refusal {
        match self {
            Self::Unknown => Refusal::new(Code::NotFound, format!("no rule matches {path}")),
            Self::Method(methods) => Refusal::method_not_allowed(method, methods.join(", ")),
            Self::Slash(bare) => Refusal::with_status(
                Code::NotFound,
                308,
                format!("this is found at {bare}, without the slash at the end"),
            ),
        }
    }
}
