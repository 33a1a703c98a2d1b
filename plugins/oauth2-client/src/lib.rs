//! `oauth2-client`: obtains an access token by client credentials and presents it to the upstream.

use oauth2::{ClientId, ClientSecret, TokenUrl, AuthUrl, basic::BasicClient, TokenResponse};
use std::future::Future;
use std::pin::Pin;
use witgate_plugin::prelude::*;

#[config]
struct Probe {
    url: String,
}

#[derive(Debug)]
struct E;
impl std::fmt::Display for E { fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) } }
impl std::error::Error for E {}

#[policy]
impl Policy for Probe {
    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        let client = BasicClient::new(ClientId::new(String::from("x")))
            .set_client_secret(ClientSecret::new(String::from("y")))
            .set_auth_uri(AuthUrl::new(self.url.clone())?)
            .set_token_uri(TokenUrl::new(self.url.clone())?);
        let http = |_request: oauth2::HttpRequest| -> Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse, E>> + Send>> {
            Box::pin(async { Err(E) })
        };
        let token = client.exchange_client_credentials();
        let mut future = Box::pin(async { token.request_async(&http).await });
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(Ok(t)) = future.as_mut().poll(&mut context) {
            request.set_header("authorization", t.access_token().secret())?;
        }
        Ok(Verdict::Next)
    }
}
