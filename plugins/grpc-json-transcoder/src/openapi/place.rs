//! Templates as paths of OpenAPI, whose parameters are whole segments.

use std::fmt::Write as _;

use crate::template::{Segment, Template, Variable};

/// A template as OpenAPI writes it.
pub(super) struct Place {
    /// `/v1/shelves/{shelf}`.
    pub(super) path: String,
    /// The path without the names of its parameters; OpenAPI takes two that differ in names only for one.
    shape: String,
    pub(super) wildcards: Vec<Wildcard>,
}

/// A `*` or `**`.
pub(super) struct Wildcard {
    /// The name of the parameter.
    pub(super) name: String,
    /// Which segment of the template it is.
    pub(super) segment: usize,
}

impl Place {
    pub(super) fn of(template: &Template) -> Self {
        let (mut path, mut shape, mut wildcards) = (String::new(), String::new(), Vec::new());
        for (segment, kind) in template.segments().iter().enumerate() {
            path.push('/');
            shape.push('/');
            if let Segment::Literal(text) = kind {
                path.push_str(text);
                shape.push_str(text);
                continue;
            }
            let name = name(template, segment);
            let _ = write!(path, "{{{name}}}");
            shape.push_str(if *kind == Segment::Rest {
                "{**}"
            } else {
                "{*}"
            });
            wildcards.push(Wildcard { name, segment });
        }
        if path.is_empty() {
            path.push('/');
        }
        if !template.verb().is_empty() {
            let _ = write!(path, ":{}", template.verb());
            let _ = write!(shape, ":{}", template.verb());
        }
        Self {
            path,
            shape,
            wildcards,
        }
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.shape == other.shape
    }
}

/// That of the variable, if the wildcard is alone in it.
fn name(template: &Template, segment: usize) -> String {
    let Some(variable) = variable_at(template, segment) else {
        return format!("segment_{}", segment + 1);
    };
    let inside = &template.segments()[variable.start..variable.end];
    let wildcards = inside
        .iter()
        .filter(|segment| !matches!(segment, Segment::Literal(_)));
    if wildcards.count() == 1 {
        variable.field.clone()
    } else {
        format!("{}_{}", variable.field, segment - variable.start + 1)
    }
}

/// The variable that a segment of the template belongs to.
pub(super) fn variable_at(template: &Template, segment: usize) -> Option<&Variable> {
    let mut variables = template.variables().iter();
    variables.find(|variable| (variable.start..variable.end).contains(&segment))
}
