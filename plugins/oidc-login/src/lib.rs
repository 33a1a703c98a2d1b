//! `oidc-login`: signs browsers in with OpenID Connect (authorization code with PKCE, state and nonce) and keeps their
//! sessions in encrypted, authenticated cookies.
//!
//! It fails closed: without a session there is no way on, and without the issuer no new session. Nothing of a session
//! is kept in the gateway. Needs the grants `clock`, `crypto`, `http-client`, `keys`, `kv`, `log`, `random` and
//! `secrets`.

mod attempt;
mod cookies;
mod decision;
mod guard;
mod id_token;
mod issuer;
mod login;
mod logout;
mod refresh;
mod sessions;
mod settings;
mod site;
mod tokens;
mod visit;

#[cfg(test)]
mod tests;

use std::rc::Rc;

use witgate_plugin::{prelude::*, task::Task};

use decision::Decision;
use login::Login;
use settings::Settings;
use visit::Visit;

struct OidcLogin(Rc<Login>);

/// What is kept of one exchange.
#[derive(Default)]
struct Progress {
    work: Option<Task<Decision>>,
    /// For the response, whoever gives it.
    cookies: Vec<String>,
}

#[policy]
impl Policy for OidcLogin {
    type Config = Settings;
    type State = Progress;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        settings::prepare(settings).map(|login| Self(Rc::new(login)))
    }

    fn on_request(&self, request: &mut Request, progress: &mut Progress) -> Result<Verdict> {
        let login = &self.0;
        let work = progress.work.get_or_insert_with(|| {
            let visit = Visit::read(request, &login.settings);
            Task::new(Rc::clone(login).decide(visit))
        });
        let Some(decision) = work.poll() else {
            return Ok(Verdict::Again);
        };
        progress.work = None;
        for note in &decision.notes {
            request.note(note);
        }
        match decision.session {
            Ok(open) => {
                progress.cookies = decision.cookies;
                login.pass_on(request, &open)?;
                Ok(Verdict::Next)
            }
            Err(reply) => {
                let cookies = decision.cookies.into_iter();
                let reply = cookies.fold(reply, |reply, cookie| reply.header("set-cookie", cookie));
                Ok(reply.header("cache-control", "no-store").into())
            }
        }
    }

    fn is_spent(progress: &Progress) -> bool {
        progress.work.is_none() && progress.cookies.is_empty()
    }

    fn on_response(
        &self,
        response: &mut Response,
        progress: &mut Progress,
    ) -> Result<ResponseVerdict> {
        if !progress.cookies.is_empty() {
            // No cache may keep what one browser alone may have.
            response.append_header("cache-control", "private")?;
        }
        for cookie in progress.cookies.drain(..) {
            response.append_header("set-cookie", cookie)?;
        }
        Ok(ResponseVerdict::Next)
    }
}
