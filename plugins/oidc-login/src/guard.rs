//! What is behind the login: whom to let through, and whom to send away.

use std::rc::Rc;

use witgate_plugin::clock;

use crate::{
    cookies,
    decision::{Decision, Refusal},
    login::Login,
    refresh::Refreshed,
    sessions::{Found, Open},
    visit::Visit,
};

impl Login {
    pub(crate) async fn guard(&self, visit: &Visit) -> Decision {
        let now = clock::unix_seconds();
        let sealed = visit.cookies.whole(&self.cookie(&visit.site));
        let open = match self.sessions.open(sealed.as_deref(), now) {
            Found::Nothing => return self.without_session(visit).await,
            Found::Forged => return self.without_session(visit).await.noting("session-invalid"),
            Found::Ended => return self.without_session(visit).await.noting("session-ended"),
            Found::Session(open) => open,
        };
        let refresh_is_due = open.session.access.refresh_at.is_some_and(|at| at <= now);
        if refresh_is_due {
            return match self.refresh(&open, now).await {
                Refreshed::New(open) => {
                    let cookies = self.session_cookies(visit, &open.session);
                    let Some(cookies) = cookies else {
                        return Decision::refuse(Refusal::Unusable, Vec::new());
                    };
                    self.admit(open, cookies)
                }
                Refreshed::Ended => self.without_session(visit).await.noting("session-ended"),
                Refreshed::Unavailable if !open.session.access_has_expired(now) => {
                    self.admit(open, Vec::new()).noting("issuer-unavailable")
                }
                Refreshed::Unavailable => Decision::refuse(Refusal::Unavailable, Vec::new()),
            };
        }
        if open.session.access.token.is_some() && open.session.access_has_expired(now) {
            // The upstream would refuse it.
            return self.without_session(visit).await.noting("session-ended");
        }
        let mut cookies = Vec::new();
        if self.sessions.is_due(&open.session, now) {
            let mut session = open.session.clone();
            session.seen = now;
            cookies = self.session_cookies(visit, &session).unwrap_or_default();
        }
        self.admit(open, cookies)
    }

    fn admit(&self, open: Rc<Open>, cookies: Vec<String>) -> Decision {
        let require = self.settings.require.as_ref();
        if require.is_none_or(|rule| rule.holds(&open.claims)) {
            Decision::admit(open, cookies)
        } else {
            Decision::refuse(Refusal::Rule, cookies)
        }
    }

    /// People are sent to the issuer; programs are told.
    async fn without_session(&self, visit: &Visit) -> Decision {
        if visit.is_navigation {
            return self.begin(visit).await;
        }
        let name = self.cookie(&visit.site);
        let gone = cookies::remove_chunks(&visit.site, &visit.cookies, &name, 0);
        Decision::refuse(Refusal::LoginRequired, gone)
    }
}
