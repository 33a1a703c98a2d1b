//! The sandbox with real components: the fixtures of `gateway/tests/plugins`, built by `cargo xtask components`.

mod admission;
mod bodies;
mod descriptors;
mod first;
mod gates;
mod heads;
mod hostility;
mod identities;
mod lifetimes;
mod outbound;
mod reuse;
mod ticks;
mod waiting;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, request, response};
use http_body::Body;
use http_body_util::Full;
use tempfile::TempDir;

use super::*;
use crate::{
    config::{self, Loaded, problem::Problem},
    pipeline::context::{Facts, LocalResponse},
};

/// Configuration files in a folder of their own, and the host they are loaded into.
struct Bed {
    folder: TempDir,
    host: Arc<Host>,
    catalog: Arc<Catalog>,
}

/// A built fixture.
fn component(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/test");
    let path = target.join(name).with_extension("wasm");
    assert!(
        path.is_file(),
        "run `cargo xtask components` first: {} is missing",
        path.display()
    );
    path
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("routes.d")).unwrap();
        let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/test/cache");
        let host = Host::new(Some(&cache), Arc::default()).unwrap();
        Self {
            folder,
            host,
            catalog: Arc::default(),
        }
    }

    /// `plugins` as in `witgate.yaml`, `chain` as in a route.
    fn write(&self, plugins: &str, chain: &str) -> Loaded {
        let main = self.folder.path().join("witgate.yaml");
        let listeners = "listeners: [{ address: '127.0.0.1:0' }]";
        fs::write(&main, format!("{listeners}\nplugins:\n{plugins}\n")).unwrap();
        let route = format!("routes:\n  - name: r\n    respond: {{}}\n    plugins: {chain}\n");
        fs::write(self.folder.path().join("routes.d/r.yaml"), route).unwrap();
        let loaded = config::load(&main, None);
        let problems: Vec<_> = loaded.problems().map(|problem| &problem.message).collect();
        assert!(problems.is_empty(), "{problems:?}");
        loaded
    }

    fn plugins(
        &self,
        loaded: &Loaded,
        previous: Option<&Plugins>,
    ) -> Result<Plugins, Vec<Problem>> {
        let raw = loaded.gateway.raw.as_ref().unwrap();
        Plugins::load(
            &self.host,
            &raw.plugins,
            &loaded.gateway.path,
            loaded.base(),
            previous,
        )
    }

    fn chain(&self, loaded: &Loaded, plugins: &Plugins) -> Result<Chain, Vec<Problem>> {
        let source = &loaded.routes[0];
        let route = &source.raw.as_ref().unwrap().routes[0];
        let installed = Installed {
            plugins,
            catalog: &self.catalog,
        };
        Chain::compile("r", &route.plugins, &installed, &source.path).map(|(chain, _)| chain)
    }

    /// A chain that must compile.
    fn compiled(&self, plugins: &str, chain: &str) -> Chain {
        let loaded = self.write(plugins, chain);
        let plugins = self
            .plugins(&loaded, None)
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        self.chain(&loaded, &plugins)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        self.host.render(&mut text);
        text
    }

    /// The value of one sample.
    fn metric(&self, sample: &str) -> u64 {
        self.find_metric(sample)
            .unwrap_or_else(|| panic!("no {sample} in {}", self.metrics()))
    }

    fn find_metric(&self, sample: &str) -> Option<u64> {
        let text = self.metrics();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        Some(value.parse().unwrap())
    }

    /// Waits until a sample is as it should be.
    async fn until(&self, sample: &str, fits: impl Fn(u64) -> bool) {
        let fitting = async {
            while !self.find_metric(sample).is_some_and(&fits) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(10), fitting)
            .await
            .is_err()
        {
            panic!("{sample} in {}", self.metrics());
        }
    }
}

/// An entry of `plugins` for the fixture `hostile`, with more settings.
fn hostile(settings: &str) -> String {
    hostile_within("", settings)
}

fn hostile_within(limits: &str, settings: &str) -> String {
    let component = component("hostile");
    format!(
        "  hostile: {{ component: {}, grants: [metrics], limits: {{ {limits} }}{settings} }}",
        component.display()
    )
}

fn facts() -> Facts {
    Facts {
        id: HeaderValue::from_static("id-1"),
        client: ([192, 0, 2, 1], 5000).into(),
        secure: true,
        grpc: false,
        certificate: None,
    }
}

fn request() -> request::Parts {
    let builder = http::Request::builder()
        .uri("/old?q=0")
        .header("host", "a.example")
        .header("accept", "some")
        .header("x-old", "old")
        .header("content-length", "11");
    builder.body(()).unwrap().into_parts().0
}

fn response() -> response::Parts {
    let builder = http::Response::builder()
        .header("content-length", "5")
        .header("x-up", "1");
    builder.body(()).unwrap().into_parts().0
}

fn full(text: &'static str) -> Full<Bytes> {
    Full::new(Bytes::from_static(text.as_bytes()))
}

fn ended(ending: Ending) -> Summary {
    Summary {
        status: Some(200),
        duration: Duration::from_millis(5),
        ..Summary::new(ending)
    }
}

impl Exchange {
    /// The request phases, at once as far as that goes.
    async fn on_request<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &mut request::Parts,
        body: B,
    ) -> Result<Flow<ChainBody<B>>, PhaseError<B::Error>> {
        match self.on_request_now(parts) {
            Ok(flow) => Ok(flow?.with(ChainBody::untouched(body))),
            Err(later) => self.on_request_later(later, parts, body).await,
        }
    }

    async fn on_response<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &mut response::Parts,
        body: B,
    ) -> Result<ChainBody<B>, PhaseError<B::Error>> {
        match self.on_response_now(parts) {
            Ok(done) => Ok(done.map(|()| ChainBody::untouched(body))?),
            Err(later) => self.on_response_later(later, parts, body).await,
        }
    }
}

/// Runs one exchange's request head through a chain.
async fn head(
    exchange: &Exchange,
    parts: &mut request::Parts,
) -> Result<Option<LocalResponse>, Failure> {
    match exchange.on_request(parts, full("some body..")).await {
        Ok(Flow::Next(_)) => Ok(None),
        Ok(Flow::Reply(reply)) => Ok(Some(*reply)),
        Ok(Flow::Unavailable(refusal)) => panic!("{refusal}"),
        Err(PhaseError::Failure(failure)) => Err(failure),
        Err(PhaseError::Body(never)) => match never {},
    }
}

async fn text<B>(body: B) -> String
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    use http_body_util::BodyExt;
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
