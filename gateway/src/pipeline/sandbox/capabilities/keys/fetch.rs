//! One fetch of a JWK set, from where its definition says.

use std::time::Duration;

use http::Uri;

use super::{
    definition::Origin,
    document,
    failure::{Failure, Kind},
    jwks::{self, Jwks},
};

/// From the first packet to the last byte, with the description of the issuer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What was fetched.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) jwks: Jwks,
    /// How long the issuer calls it fresh.
    pub(super) max_age: Option<Duration>,
}

/// Fetches, and remembers where an issuer has its keys.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    pub(super) found: Option<Uri>,
}

impl Fetcher {
    /// In a `hurry`, since a key is missing, the issuer is not asked again where its keys are as long as they are there.
    pub(super) async fn fetch(&mut self, origin: &Origin, hurry: bool) -> Result<Fetched, Failure> {
        let late = |_| {
            let message = format!("no whole answer within {TIMEOUT:?}");
            Err(Failure::new(Kind::Timeout, message))
        };
        tokio::time::timeout(TIMEOUT, self.exchange(origin, hurry))
            .await
            .unwrap_or_else(late)
    }

    async fn exchange(&mut self, origin: &Origin, hurry: bool) -> Result<Fetched, Failure> {
        let issuer = match origin {
            Origin::Url(url) => return keys(url).await,
            Origin::Issuer(issuer) => issuer,
        };
        if let Some(known) = self.found.as_ref().filter(|_| hurry)
            && let Ok(fetched) = keys(known).await
        {
            return Ok(fetched);
        }
        let url = issuer.keys().await.inspect_err(|failure| {
            if matches!(failure.kind, Kind::WrongIssuer | Kind::UnsafeUrl) {
                self.found = None;
            }
        })?;
        let fetched = keys(&url).await;
        let path = url.path().to_owned();
        self.found = Some(url);
        fetched.map_err(|failure| failure.of(&path))
    }
}

async fn keys(url: &Uri) -> Result<Fetched, Failure> {
    let document = document::get(url, jwks::MOST_BYTES).await?;
    Ok(Fetched {
        jwks: jwks::check(document.bytes)?,
        max_age: document.max_age,
    })
}
