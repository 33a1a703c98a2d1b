//! What one file of `routes.d` became.

use std::{path::PathBuf, sync::Arc};

use super::{Route, tests_of_routes::Test};
use crate::{config::raw::RouteFile, pipeline::route::Rule};

#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) path: Arc<PathBuf>,
    pub(super) raw: Arc<RouteFile>,
    pub(super) routes: Vec<Compiled>,
    pub(super) tests: Arc<[Test]>,
}

#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) route: Arc<Route>,
    pub(super) rules: Arc<[Arc<Rule>]>,
}
