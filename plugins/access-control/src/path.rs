//! Paths and what lies below them.

/// A path, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathPrefix(String);

impl PathPrefix {
    /// The message says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let inside = text
            .strip_prefix('/')
            .map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        let Some(inside) = inside else {
            return Err(format!("a path begins with `/`; write `/{text}`"));
        };
        if inside.is_empty() {
            return Err(String::from("every path lies below `/`; leave it out"));
        }
        let odd = |segment: &str| matches!(segment, "" | "." | "..");
        if inside.split('/').any(odd) || inside.contains(['?', '#', '*', ' ']) {
            return Err(format!(
                "no request has the path `{text}`; write it as clients do, without patterns, as `/admin/users`"
            ));
        }
        Ok(Self(format!("/{inside}")))
    }

    /// Whether it is this path, or lies below.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&*self.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.holds(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_segments_count() {
        let admin = PathPrefix::parse("/admin/").unwrap();
        for (path, expected) in [
            ("/admin", true),
            ("/admin/", true),
            ("/admin/users", true),
            ("/administration", false),
            ("/Admin", false),
            ("/", false),
        ] {
            assert_eq!(admin.holds(path), expected, "{path}");
        }
    }

    #[test]
    fn what_no_request_has_is_refused() {
        for text in ["", "admin", "/", "//", "/a//b", "/a/../b", "/a/*", "/a?b"] {
            assert!(PathPrefix::parse(text).is_err(), "{text}");
        }
    }
}
