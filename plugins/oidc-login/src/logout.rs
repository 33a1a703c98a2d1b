//! The end of a session: here, and at the issuer (OpenID Connect RP-Initiated Logout 1.0).

use witgate_plugin::clock;

use crate::{
    cookies,
    decision::{Decision, Refusal},
    login::Login,
    sessions::Found,
    visit::Visit,
};

impl Login {
    /// Only pages of this origin and the user's own hand may ask for it.
    pub(crate) async fn log_out(&self, visit: &Visit) -> Decision {
        if !visit.is_from_here {
            return Decision::refuse(Refusal::ForeignLogout, Vec::new());
        }
        let name = self.cookie(&visit.site);
        let goodbye = format!("{}{}", visit.site.origin, self.settings.after_logout);
        let gone = cookies::remove_chunks(&visit.site, &visit.cookies, &name, 0);
        let sealed = visit.cookies.whole(&name);
        let found = self.sessions.open(sealed.as_deref(), clock::unix_seconds());
        let Found::Session(open) = found else {
            return Decision::redirect(&goodbye, gone);
        };
        self.forget(&open.session);
        // Without the issuer, the session still ends here.
        let Ok(endpoints) = self.issuer.endpoints().await else {
            return Decision::redirect(&goodbye, gone);
        };
        if let (Some(endpoint), Some(token)) = (&endpoints.revocation, &open.session.access.refresh)
        {
            self.grants.revoke(endpoint, token).await;
        }
        let Some(mut url) = endpoints.end_session.clone() else {
            return Decision::redirect(&goodbye, gone);
        };
        url.query_pairs_mut()
            .append_pair("id_token_hint", &open.session.id_token)
            .append_pair("client_id", &self.sessions.client_id)
            .append_pair("post_logout_redirect_uri", &goodbye);
        Decision::redirect(url.as_str(), gone)
    }
}
