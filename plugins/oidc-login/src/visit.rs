//! What a login needs to know of a request.

use witgate_plugin::Request;

use crate::{cookies::Cookies, settings::Fixed, site::Site};

/// Longer ones are not returned to.
const LONGEST_TARGET: usize = 2048;

/// A request, by what it is to a login.
pub(crate) struct Visit {
    pub(crate) site: Site,
    pub(crate) cookies: Cookies,
    pub(crate) place: Place,
    pub(crate) query: String,
    /// Path and query.
    pub(crate) target: String,
    /// Somebody opens a page, and can be sent elsewhere.
    pub(crate) is_navigation: bool,
    /// It comes from a page of this origin, or from the user's own hand.
    pub(crate) is_from_here: bool,
}

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Callback,
    Logout,
    Protected,
}

impl Visit {
    pub(crate) fn read(request: &Request, settings: &Fixed) -> Self {
        let site = Site::of(request, settings.origin.as_deref(), settings.secure);
        let path = request.path();
        let query = request.query();
        let place = match &path {
            path if *path == settings.callback => Place::Callback,
            path if *path == settings.logout => Place::Logout,
            _ => Place::Protected,
        };
        let target = match &query {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        Self {
            is_navigation: is_navigation(request),
            is_from_here: is_from_here(request, &site.origin),
            cookies: Cookies::read(request),
            query: query.unwrap_or_default(),
            target,
            place,
            site,
        }
    }

    /// Where to return after a login; on this origin, whatever it looks like.
    pub(crate) fn return_to(&self) -> &str {
        match self.target.len() {
            0..=LONGEST_TARGET => &self.target,
            _ => "/",
        }
    }
}

/// Fetch Metadata says it where it is there; older browsers ask for a page by its type.
fn is_navigation(request: &Request) -> bool {
    let asks_for_a_page = || match request.header("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => request
            .header("accept")
            .is_some_and(|accept| accept.contains("text/html")),
    };
    request.method() == "GET" && asks_for_a_page()
}

fn is_from_here(request: &Request, origin: &str) -> bool {
    if let Some(site) = request.header("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    if let Some(from) = request.header("origin") {
        return from == origin;
    }
    let referer = request.header("referer").unwrap_or_default();
    referer
        .strip_prefix(origin)
        .is_some_and(|rest| rest.starts_with('/'))
}
