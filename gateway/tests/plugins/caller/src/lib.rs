//! A plugin for tests: believes what the request says of who calls, and notes and refuses as it says.

use witgate_plugin::{Identity, IdentityFields, prelude::*};

#[config]
struct Caller {}

#[policy]
impl Policy for Caller {
    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        if let Some(tenant) = request.header("x-tenant") {
            let identity = Identity::new(IdentityFields {
                scheme: String::from("test"),
                tenant: Some(tenant),
                ..IdentityFields::default()
            })?;
            request.set_identity(&identity)?;
        }
        if let Some(kind) = request.header("x-note") {
            request.note(&kind);
        }
        match request
            .header("x-refuse")
            .and_then(|status| status.parse().ok())
        {
            Some(status) => Ok(Reply::new(status).into()),
            None => Ok(Verdict::Next),
        }
    }
}
