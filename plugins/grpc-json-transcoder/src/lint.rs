//! What is legal in the rules of an API and probably not meant.
//!
//! What cannot work at all (the same rule twice, a variable for a field that is missing, repeated or a map) is no
//! matter of taste: [`Api::compile`] refuses it.

mod overlap;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use prost_reflect::Kind;
use witgate_plugin::config::Problem;

use crate::{
    matcher::ANY_METHOD,
    rules::{Api, BodyRule, Origin, Rule},
    settings::Settings,
    template::Segment,
};

/// Pairs of rules are compared up to this number of rules.
const MOST_COMPARED: usize = 1000;

pub(crate) fn warnings(api: &Api, settings: &Settings) -> Vec<Problem> {
    let mut warnings = Vec::new();
    if api.rules().is_empty() {
        let message =
            "no method has a rule, so nothing is served; write `rules`, or switch on `auto-rules`";
        warnings.push(Problem::at("/descriptors", message));
    }
    without_effect(settings, &mut warnings);
    let longest = api
        .rules()
        .iter()
        .map(|rule| rule.template.segments().len());
    let longest = longest.max().unwrap_or_default();
    for (index, rule) in api.rules().iter().enumerate() {
        let mut warn = |message: String| warnings.push(warning(rule, &message));
        out_of_spec(rule).into_iter().for_each(&mut warn);
        rule_that_refuses_all(rule).into_iter().for_each(&mut warn);
        shadowed(api, rule, longest).into_iter().for_each(&mut warn);
        if api.rules().len() <= MOST_COMPARED {
            let others = &api.rules()[index + 1..];
            let ambiguous = others
                .iter()
                .filter_map(|other| ambiguous(api, rule, other));
            ambiguous.for_each(&mut warn);
        }
    }
    warnings
}

fn warning(rule: &Rule, message: &str) -> Problem {
    let pointer = match rule.origin {
        Origin::Proto => String::from("/descriptors"),
        Origin::Settings(index) => format!("/rules/{index}"),
        Origin::Auto => String::from("/auto-rules"),
    };
    Problem::at(
        pointer,
        format!("`{}` of {}: {message}", rule.title(), rule.name()),
    )
}

/// Of several rules for one method in the settings, the last counts.
fn without_effect(settings: &Settings, warnings: &mut Vec<Problem>) {
    let mut last = BTreeMap::new();
    for (index, rule) in settings.rules.iter().enumerate() {
        if let Some(before) = last.insert(&rule.selector, index) {
            let message = format!(
                "without effect: /rules/{index} is for the same method and counts; put both into one rule with additional bindings"
            );
            warnings.push(Problem::at(format!("/rules/{before}"), message));
        }
    }
}

/// What http.proto does not have.
fn out_of_spec(rule: &Rule) -> Vec<String> {
    let mut found = Vec::new();
    if rule
        .template
        .rest()
        .is_some_and(|rest| rest + 1 < rule.template.segments().len())
    {
        found.push(String::from(
            "http.proto wants `**` to be last, and other gateways refuse what follows it",
        ));
    }
    if rule.body != BodyRule::None && matches!(&*rule.method, "GET" | "HEAD" | "DELETE") {
        found.push(format!(
            "a body in {} has no meaning (RFC 9110 section 9.3), and proxies may drop it",
            rule.method
        ));
    }
    if matches!(&rule.body, BodyRule::Field(path) if path.len() > 1) {
        found.push(String::from(
            "http.proto wants the body to be a field of the request itself",
        ));
    }
    if rule.response_body.len() > 1 {
        found.push(String::from(
            "http.proto wants response_body to be a field of the answer itself",
        ));
    }
    if rule.body == BodyRule::None && rule.rpc.is_client_streaming() {
        found.push(String::from(
            "the method takes a stream, but without a body there is only one message to send",
        ));
    }
    found
}

/// A variable that no request can fill.
fn rule_that_refuses_all(rule: &Rule) -> Option<String> {
    for (variable, path) in rule.template.variables().iter().zip(&rule.variables) {
        let parts = &rule.template.segments()[variable.start..variable.end];
        let literal = parts.len() > 1 || matches!(parts, [Segment::Literal(_)]);
        if let Some(field) = path
            .last()
            .filter(|field| literal && is_number(&field.kind()))
        {
            return Some(format!(
                "every request is refused, since the type of `{}` is {:?}, which cannot hold `{}`",
                variable.field,
                field.kind(),
                segments(parts)
            ));
        }
    }
    None
}

fn is_number(kind: &Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_))
}

fn segments(parts: &[Segment]) -> String {
    let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
    parts.join("/")
}

/// A rule that takes no request, since others are more specific wherever it matches.
fn shadowed(api: &Api, rule: &Rule, longest: usize) -> Option<String> {
    let method = if rule.method == ANY_METHOD {
        "X-ANY"
    } else {
        &rule.method
    };
    // What no literal is leaves the rule every chance.
    let lengths = match rule.template.rest() {
        Some(_) => 0..=longest,
        None => 0..=0,
    };
    let paths: Vec<_> = lengths.map(|rest| sample(rule, rest)).collect();
    let mut winner = None;
    for path in &paths {
        match api.find(method, path) {
            Ok(found) if std::ptr::eq(found.rule, rule) => return None,
            Ok(found) => winner = Some(found.rule),
            Err(_) => {}
        }
    }
    let winner = winner?;
    Some(format!(
        "no request comes here, since `{}` of {} takes them all",
        winner.title(),
        winner.name()
    ))
}

/// A path that the rule matches, with so many segments for `**`.
fn sample(rule: &Rule, rest: usize) -> String {
    let segments = rule
        .template
        .segments()
        .iter()
        .flat_map(|segment| match segment {
            Segment::Literal(text) => vec![text.as_str()],
            Segment::One => vec!["~any~"],
            Segment::Rest => vec!["~any~"; rest],
        });
    path(segments, rule.template.verb())
}

fn path<'s>(segments: impl Iterator<Item = &'s str>, verb: &str) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.push_str(segment);
    }
    if path.is_empty() {
        path.push('/');
    }
    if !verb.is_empty() {
        path.push(':');
        path.push_str(verb);
    }
    path
}

/// Two rules that match the same path, each more specific than the other somewhere.
fn ambiguous(api: &Api, one: &Rule, other: &Rule) -> Option<String> {
    let methods = [&*one.method, &*other.method];
    let method = match methods {
        [one, other] if one == other => one,
        [ANY_METHOD, other] => other,
        [one, ANY_METHOD] => one,
        _ => return None,
    };
    if one.template.verb() != other.template.verb() {
        return None;
    }
    let common = overlap::crossing(one.template.segments(), other.template.segments())?;
    let common = path(common.into_iter(), one.template.verb());
    let winner = api.find(method, &common).ok()?.rule;
    let which = [one, other]
        .into_iter()
        .find(|rule| std::ptr::eq(*rule, winner))?;
    Some(format!(
        "ambiguous with `{}` of {}: both match {method} {common}, and `{}` takes it",
        other.title(),
        other.name(),
        which.title()
    ))
}
