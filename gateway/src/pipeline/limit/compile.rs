//! The limits of a route, ready to be asked.

use std::{path::PathBuf, sync::Arc};

use http::HeaderValue;

use super::{
    Phase,
    fields::{self, Told},
};
use crate::{
    config::{
        problem::Problem,
        raw::{self, ShortOr},
        span::Spanned,
    },
    pipeline::limiter::{By, Key, Limit, Limiters},
};

/// The limits of a route.
#[derive(Debug)]
pub struct RouteLimits {
    /// Those that need no identity come first.
    pub(super) items: Box<[Item]>,
    /// How many those are.
    pub(super) early: usize,
    /// What clients are told of them, if anything.
    pub(super) policy: Option<HeaderValue>,
}

/// One limit of a route.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) limit: Arc<Limit>,
    pub(super) cost: u32,
    /// When it is the same for all requests of the route.
    pub(super) key: Option<Key>,
    pub(super) told: Told,
}

/// What limits of routes are compiled against.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub route: &'a str,
    pub limiters: &'a Limiters,
    pub file: &'a Arc<PathBuf>,
}

impl RouteLimits {
    /// None for a route without limits. What is odd comes with it.
    pub fn compile(
        written: &[Spanned<ShortOr<raw::RateLimit>>],
        around: Around<'_>,
    ) -> Result<Option<Self>, Vec<Problem>> {
        if written.is_empty() {
            return Ok(None);
        }
        let mut problems = Vec::new();
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for (index, one) in written.iter().enumerate() {
            match Item::compile(one, index + 1, around) {
                Ok(item) if item.limit.definition.needs_identity() => late.push(item),
                Ok(item) => early.push(item),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let first_late = early.len();
        early.append(&mut late);
        let items = early.into_boxed_slice();
        let told = items.iter().map(|item| (&*item.limit, &*item.told.names));
        Ok(Some(Self {
            policy: fields::policy(told),
            items,
            early: first_late,
        }))
    }

    /// Whether there are any to be asked then.
    pub fn has(&self, phase: Phase) -> bool {
        match phase {
            Phase::Before => self.early > 0,
            Phase::After => self.early < self.items.len(),
        }
    }

    /// In the order in which they are asked.
    pub fn limits(&self) -> impl Iterator<Item = &Arc<Limit>> {
        self.items.iter().map(|item| &item.limit)
    }
}

impl Item {
    fn compile(
        written: &Spanned<ShortOr<raw::RateLimit>>,
        number: usize,
        around: Around<'_>,
    ) -> Result<Self, Vec<Problem>> {
        let Around { file, limiters, .. } = around;
        let (limit, cost) = match &written.value {
            ShortOr::Short(name) => (named(name, around)?, None),
            ShortOr::Full(raw) => match &raw.name {
                Some(name) => {
                    only_name_and_cost(raw, written, file)?;
                    (named(name, around)?, raw.cost.as_ref())
                }
                None => (
                    limiters.own(around.route, number, raw, written.span, file)?,
                    None,
                ),
            },
        };
        let problem = cost.and_then(|cost| limit.definition.refuse_cost(cost, file));
        if let Some(problem) = problem {
            return Err(vec![problem]);
        }
        let cost = cost.map_or(limit.definition.cost.get(), |cost| cost.value);
        let key = match &*limit.definition.by {
            [By::Route] => Some(Key::of(around.route.as_bytes())),
            _ => None,
        };
        Ok(Self {
            told: Told::new(&limit, cost),
            limit,
            cost,
            key,
        })
    }
}

fn named(name: &Spanned<String>, around: Around<'_>) -> Result<Arc<Limit>, Vec<Problem>> {
    around.limiters.get(name).cloned().ok_or_else(|| {
        let (message, hint) = around.limiters.unknown(name);
        vec![Problem::error(around.file, name.span, message).hint(hint)]
    })
}

/// What a limit of that name is, `witgate.yaml` says.
fn only_name_and_cost(
    raw: &raw::RateLimit,
    written: &Spanned<ShortOr<raw::RateLimit>>,
    file: &Arc<PathBuf>,
) -> Result<(), Vec<Problem>> {
    let raw::RateLimit {
        name: _,
        cost: _,
        by,
        rates,
        burst,
        warm_up,
        concurrency,
        missing,
        max_keys,
        headers,
    } = raw;
    let alone = by.0.is_empty()
        && rates.0.is_empty()
        && burst.is_none()
        && warm_up.is_none()
        && concurrency.is_none()
        && missing.is_none()
        && max_keys.is_none()
        && headers.is_none();
    if alone {
        return Ok(());
    }
    let message = "beside `name` there can only be `cost`";
    Err(vec![
        Problem::error(file, written.span, message)
            .hint("say the rest under `rate-limits` of witgate.yaml, or take `name` out for a limit of this route's own"),
    ])
}
