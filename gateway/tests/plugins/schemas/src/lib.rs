//! A plugin for tests: opens descriptors and shows which it has.

use witgate_plugin::{descriptors::DescriptorSet, prelude::*};

/// What to open.
#[config]
struct Written {
    /// Their name in `witgate.yaml`.
    descriptors: String,
    /// What has to stand in them somewhere.
    #[serde(default)]
    needs: Vec<String>,
    /// Is warned of.
    #[serde(default)]
    odd: bool,
}

struct Schemas {
    written: Written,
    digest: String,
}

#[policy]
impl Policy for Schemas {
    type Config = Written;

    fn new(written: Written) -> Result<Self, Vec<Problem>> {
        let set = DescriptorSet::open(&written.descriptors)
            .map_err(|message| vec![Problem::at("/descriptors", message)])?;
        let bytes = set.bytes();
        let has = |needed: &str| {
            let mut windows = bytes.windows(needed.len().max(1));
            windows.any(|window| window == needed.as_bytes())
        };
        let missing = written.needs.iter().enumerate();
        let problems: Vec<_> = missing
            .filter(|(_, needed)| !has(needed))
            .map(|(at, needed)| {
                let message = format!("`{needed}` is not in the descriptors; take it out");
                Problem::at(format!("/needs/{at}"), message)
            })
            .collect();
        if problems.is_empty() {
            let digest = set.digest();
            Ok(Self { written, digest })
        } else {
            Err(problems)
        }
    }

    fn on_response(&self, response: &mut Response) -> Result<ResponseVerdict> {
        response.set_header("x-digest", &self.digest)?;
        if DescriptorSet::open(&self.written.descriptors).is_ok() {
            return Err("descriptors can be opened in an exchange".into());
        }
        Ok(ResponseVerdict::Next)
    }

    fn warnings(&self) -> Vec<Problem> {
        let warning = Problem::at("/odd", "that is odd; leave it out");
        self.written.odd.then_some(warning).into_iter().collect()
    }

    fn explain(&self, asked: &Asked) -> Option<String> {
        let body = asked.body.as_ref().map_or(0, Vec::len);
        Some(format!(
            r#"{{"digest":"{}","asked":"{} {}","tenant":"{}","body":{body}}}"#,
            self.digest,
            asked.method,
            asked.path_and_query,
            asked.header("x-tenant").unwrap_or_default(),
        ))
    }

    fn openapi(&self) -> Option<String> {
        Some(format!(
            r#"{{"openapi":"3.1.0","info":{{"title":"{}","version":"{}"}}}}"#,
            self.written.descriptors, self.digest
        ))
    }
}
