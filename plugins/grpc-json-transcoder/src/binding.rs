//! Values from the path, the query and header fields, and how they come into a message.

mod apply;
mod decode;
mod query;
mod settle;
mod target;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use prost_reflect::{DynamicMessage, MessageDescriptor, Value};

use crate::{
    refusal::{Code, Refusal},
    rules::Match,
    scalar,
    settings::{Accept, Conflict, Settings},
    template::Variable,
};
use decode::Decoding;
use query::Parameters;

pub(crate) use target::Target;

/// Values for fields of a message, none of which contradicts another.
#[derive(Debug)]
pub(crate) struct Bound {
    values: Vec<BoundValue>,
    on_conflict: Conflict,
    /// How many values, and elements that their places in lists make, there may still be.
    left: u32,
}

/// A value for one field.
#[derive(Debug)]
pub(crate) struct BoundValue {
    pub(crate) target: Target,
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// Where a value comes from; what is named first wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Path,
    Query,
    Header,
    /// A form, which is a body.
    Form,
}

/// What the path and the query say.
pub(crate) fn bind(
    found: &Match<'_>,
    query: Option<&str>,
    settings: &Settings,
) -> Result<Bound, Refusal> {
    let mut bound = Bound::new(settings);
    let query = query.filter(|query| !query.is_empty());
    for (variable, fields, raw) in found.captures() {
        let target = Target::plain(fields);
        let text = path_text(variable, raw, settings)
            .map_err(|message| Refusal::invalid(target.name(), message))?;
        bound.add(target, &text, Source::Path, settings)?;
    }
    if let Some(query) = query {
        Parameters::of_query(found.rule, settings).bind(query, &mut bound)?;
        bound.settle()?;
    }
    Ok(bound)
}

/// What a body of type `application/x-www-form-urlencoded` says about a message.
pub(crate) fn bind_form(
    message: &MessageDescriptor,
    form: &str,
    settings: &Settings,
) -> Result<Bound, Refusal> {
    let mut bound = Bound::new(settings);
    Parameters::of_form(message, settings).bind(form, &mut bound)?;
    bound.settle()?;
    Ok(bound)
}

fn path_text<'p>(
    variable: &Variable,
    raw: &'p str,
    settings: &Settings,
) -> Result<Cow<'p, str>, &'static str> {
    let path = &settings.path;
    let decoding = if variable.multi {
        Decoding::segments(path.keep_escaped, path.malformed_escapes)
    } else {
        Decoding::segment(path.malformed_escapes)
    };
    let text = decoding.decode(raw)?;
    if path.encoded_slash == Accept::Refuse && !variable.multi && text.contains('/') {
        return Err("an encoded slash is not accepted here");
    }
    let dots = |segment: &str| matches!(segment, "." | "..");
    if path.dot_segments == Accept::Refuse && text.split('/').any(dots) {
        return Err("the segments `.` and `..` are not accepted here");
    }
    Ok(text)
}

impl Bound {
    fn new(settings: &Settings) -> Self {
        Self {
            values: Vec::new(),
            on_conflict: settings.body.on_conflict,
            left: settings.limits.fields,
        }
    }

    pub(crate) fn values(&self) -> &[BoundValue] {
        &self.values
    }

    /// Binds the header fields that the rule binds; they yield to the path and the query.
    pub(crate) fn bind_headers(
        &mut self,
        found: &Match<'_>,
        header: impl Fn(&str) -> Option<String>,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        if found.rule.headers.is_empty() {
            return Ok(());
        }
        for (name, fields) in &found.rule.headers {
            if let Some(text) = header(name) {
                self.add(Target::plain(fields), &text, Source::Header, settings)?;
            }
        }
        self.settle()
    }

    /// The variables of a path are different fields; only what comes later can contradict.
    fn settle(&mut self) -> Result<(), Refusal> {
        settle::settle(&mut self.values, self.on_conflict)
    }

    fn add(
        &mut self,
        target: Target,
        text: &str,
        source: Source,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let value = scalar::parse(&target.kind(), text, settings)
            .map_err(|message| Refusal::invalid(target.name(), message))?;
        self.put(target, value, source)
    }

    fn put(&mut self, target: Target, value: Value, source: Source) -> Result<(), Refusal> {
        self.left = self.left.checked_sub(target.cost()).ok_or_else(|| {
            let message = "there are more values than this route takes (limits.fields)";
            Refusal::with_status(Code::ResourceExhausted, 400, message)
        })?;
        self.values.push(BoundValue {
            target,
            value,
            source,
        });
        Ok(())
    }

    /// Puts the values over what the body gave.
    pub(crate) fn apply(&self, message: &mut DynamicMessage) -> Result<(), Refusal> {
        for bound in &self.values {
            bound.apply(message, self.on_conflict)?;
        }
        Ok(())
    }
}

fn conflict(name: String) -> Refusal {
    Refusal::invalid(name, "this is given different values; give it once")
}
