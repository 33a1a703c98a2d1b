//! Collecting what is wrong with one file's routes.

use std::{fmt, path::PathBuf, sync::Arc};

use crate::config::{
    problem::Problem,
    span::{Span, Spanned},
};

/// Why a written value cannot be used, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    pub message: String,
    pub hint: String,
}

impl Invalid {
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.hint)
    }
}

/// The problems of one file, as they are found.
#[derive(Debug)]
pub struct Report<'a> {
    file: &'a Arc<PathBuf>,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub fn new(file: &'a Arc<PathBuf>) -> Self {
        Self {
            file,
            problems: Vec::new(),
        }
    }

    pub fn file(&self) -> &'a Arc<PathBuf> {
        self.file
    }

    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn len(&self) -> usize {
        self.problems.len()
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
    }

    pub fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Problem::error(self.file, span, message).hint(hint));
    }

    /// The value, or a problem where it was written.
    pub fn check<T, R>(
        &mut self,
        written: &Spanned<T>,
        check: impl FnOnce(&T) -> Result<R, Invalid>,
    ) -> Option<R> {
        check(&written.value)
            .map_err(|invalid| self.error(written.span, invalid.message, invalid.hint))
            .ok()
    }
}
