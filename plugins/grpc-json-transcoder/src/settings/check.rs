//! What is wrong with settings whatever the descriptors say.

use witgate_plugin::{config::Problem, fields::is_token};

use super::{Passage, Settings, UnknownParameters};
use crate::refusal::Code;

impl Settings {
    pub(crate) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_query(&mut problems);
        self.check_limits(&mut problems);
        self.check_errors(&mut problems);
        for (index, rule) in self.rules.iter().enumerate() {
            for (inner, binding) in rule.additional_bindings.iter().enumerate() {
                if !binding.selector.is_empty() {
                    let message = "additional bindings are for the method of their rule; leave the selector out";
                    let pointer = format!("/rules/{index}/additional-bindings/{inner}/selector");
                    problems.push(Problem::at(pointer, message));
                }
            }
        }
        for name in self.headers.keys().filter(|name| !is_token(name)) {
            let message = format!("`{name}` is no name of a header field");
            problems.push(Problem::at("/headers", message));
        }
        for (way, passage) in [
            ("request", &self.metadata.request),
            ("response", &self.metadata.response),
        ] {
            check_passage(way, passage, &mut problems);
        }
        problems
    }

    fn check_query(&self, problems: &mut Vec<Problem>) {
        let query = &self.query;
        let captures = query.unknown == UnknownParameters::Capture;
        if captures && query.capture.is_none() {
            let message = "where to? write a field under `capture`";
            problems.push(Problem::at("/query/unknown", message));
        }
        if !captures && query.capture.is_some() {
            let message = "nothing is captured; write `unknown: capture`, or leave this out";
            problems.push(Problem::at("/query/capture", message));
        }
        if query.repeated_messages > 256 {
            problems.push(Problem::at("/query/repeated-messages", "write at most 256"));
        }
    }

    fn check_limits(&self, problems: &mut Vec<Problem>) {
        let limits = &self.limits;
        if !(1..=200).contains(&limits.depth) {
            problems.push(Problem::at("/limits/depth", "write 1 to 200"));
        }
        for (name, value) in [
            ("fields", u64::from(limits.fields)),
            ("array", u64::from(limits.array)),
            ("string", limits.string.0),
            ("request-message", limits.request_message.0),
            ("response-message", limits.response_message.0),
        ] {
            if value == 0 {
                let message = "0 admits nothing; write at least 1";
                problems.push(Problem::at(format!("/limits/{name}"), message));
            }
        }
    }

    fn check_errors(&self, problems: &mut Vec<Problem>) {
        for (name, status) in &self.errors.statuses {
            let pointer = format!("/errors/statuses/{name}");
            if Code::from_name(name).is_none_or(|code| code == Code::Ok) {
                let message = format!(
                    "`{name}` is no code of an error; write one of google.rpc.Code, as `NOT_FOUND`"
                );
                problems.push(Problem::at(pointer, message));
            } else if !(400..=599).contains(status) {
                problems.push(Problem::at(pointer, "write 400 to 599"));
            }
        }
    }
}

fn check_passage(way: &str, passage: &Passage, problems: &mut Vec<Problem>) {
    let lists = [("allow", &passage.allow), ("deny", &passage.deny)];
    for (list, names) in lists {
        for (index, name) in names.iter().enumerate() {
            if !is_token(name.strip_suffix('*').unwrap_or(name)) && name != "*" {
                let pointer = format!("/metadata/{way}/{list}/{index}");
                problems.push(Problem::at(
                    pointer,
                    format!("`{name}` is no name of a field"),
                ));
            }
        }
    }
    for (old, new) in &passage.rename {
        if let Some(wrong) = [old, new].into_iter().find(|name| !is_token(name)) {
            let pointer = format!("/metadata/{way}/rename");
            problems.push(Problem::at(
                pointer,
                format!("`{wrong}` is no name of a field"),
            ));
        }
    }
}
