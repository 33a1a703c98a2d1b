//! A policy with every phase, state and capability, as its author tests it.

use std::time::Duration;

use witgate_plugin::{
    keys::KeySet,
    log::Level,
    metrics::{Counter, Gauge},
    prelude::*,
    random,
    testing::{self, Exchange, TestRequest, TestResponse, TestSummary},
};

/// Watches exchanges.
#[config]
struct Watch {
    /// The longest body in bytes.
    #[serde(default)]
    longest: usize,
}

struct Watcher {
    longest: usize,
    seen: Counter,
    last: Gauge,
}

#[derive(Default)]
struct Seen {
    path: String,
    bytes: usize,
}

#[policy]
impl Policy for Watcher {
    type Config = Watch;
    type State = Seen;

    fn new(config: Watch) -> Result<Self, Vec<Problem>> {
        if config.longest == 0 {
            return Err(vec![Problem::at("/longest", "write at least 1")]);
        }
        Ok(Self {
            longest: config.longest,
            seen: Counter::new("seen_total", &[("kind", "all")]),
            last: Gauge::new("last_bytes", &[]),
        })
    }

    fn on_request(&self, request: &mut Request, state: &mut Seen) -> Result<Verdict> {
        state.path = request.path();
        request.set_header("x-watched", random::u64().to_string())?;
        request.set_header("host", "forbidden")?;
        Ok(Verdict::WaitBody(10))
    }

    fn on_request_body(
        &self,
        request: &mut Request,
        chunk: Chunk,
        state: &mut Seen,
    ) -> Result<BodyAction> {
        state.bytes += chunk.bytes.len();
        if state.bytes > self.longest {
            return Ok(BodyAction::Reply(Reply::text(413, "too long")));
        }
        request.append_header("x-watched", "twice")?;
        Ok(if chunk.last {
            BodyAction::Done
        } else {
            BodyAction::Pass
        })
    }

    fn on_response(&self, response: &mut Response, state: &mut Seen) -> Result<ResponseVerdict> {
        response.set_header("x-path", &state.path)?;
        if response.status() == 500 {
            return Err("the upstream is ill".into());
        }
        Ok(ResponseVerdict::Next)
    }

    // The state can be left out.
    fn on_response_body(&self, _: &mut Response, chunk: Chunk) -> Result<BodyAction> {
        Ok(BodyAction::Replace(chunk.bytes.to_ascii_uppercase()))
    }

    fn on_end(&self, summary: &Summary, state: &mut Seen) {
        self.seen.add(1);
        self.last.set(state.bytes as i64);
        log::info!("{} ended {:?}", state.path, summary.ending());
    }

    fn on_tick(&self) -> Result<()> {
        KeySet::open("none").map_err(Into::into).map(|_| ())
    }

    fn tick_interval(&self) -> Duration {
        Duration::from_secs(1)
    }
}

fn watcher() -> Watcher {
    testing::configure(r#"{ "longest": 4 }"#).unwrap()
}

#[test]
fn edits_of_a_phase_that_fails_are_undone() {
    let watcher = watcher();
    let mut exchange = Exchange::new(&watcher, TestRequest::new("POST", "/a?b"));
    let error = exchange.on_request().unwrap_err();
    assert_eq!(error.to_string(), "this belongs to the gateway");
    assert_eq!(exchange.request().header("x-watched"), None);

    assert!(exchange.on_response(TestResponse::new(500)).is_err());
    assert_eq!(exchange.response().header("x-path"), None);
}

#[test]
fn the_state_lasts_as_long_as_the_exchange() {
    let watcher = watcher();
    let mut exchange = Exchange::new(&watcher, TestRequest::new("POST", "/a?b"));
    let _ = exchange.on_request();
    let first = exchange.on_request_body(b"abc", false).unwrap();
    assert_eq!(first, BodyAction::Pass);
    let second = exchange.on_request_body(b"de", true).unwrap();
    assert!(matches!(second, BodyAction::Reply(reply) if reply.status == 413));
    let response = TestResponse::new(200).header("content-type", "text/plain");
    assert_eq!(
        exchange.on_response(response).unwrap(),
        ResponseVerdict::Next
    );
    assert_eq!(exchange.response().header("x-path").unwrap(), "/a");
    assert_eq!(
        exchange.on_response_body(b"ok", true).unwrap(),
        BodyAction::Replace(b"OK".to_vec())
    );
    exchange.on_end(&TestSummary::new(Ending::Complete, Some(200)));
    assert_eq!(testing::metric("seen_total", &[("kind", "all")]), 1);
    assert_eq!(testing::metric("last_bytes", &[]), 5);
    assert_eq!(
        testing::take_log(),
        [(Level::Info, String::from("/a ended Complete"))]
    );
}

#[test]
fn an_error_may_come_from_a_string() {
    let error = watcher().on_tick().unwrap_err();
    assert_eq!(error.to_string(), "no key set is called `none`");
}

#[test]
fn a_configuration_is_judged_once_it_is_read() {
    let problem = |json| testing::configure::<Watcher>(json).err().unwrap().remove(0);
    assert_eq!(problem("null"), Problem::at("/longest", "write at least 1"));
    assert_eq!(problem(r#"{ "longest": -1 }"#).pointer, "/longest");
    assert!(testing::schema::<Watcher>().contains("Watches exchanges."));
}

#[test]
fn the_clock_moves_when_it_is_told_to() {
    testing::set_unix_seconds(100);
    let before = clock::monotonic();
    testing::advance(Duration::from_millis(2500));
    assert_eq!(clock::unix_seconds(), 102);
    assert_eq!(clock::monotonic() - before, Duration::from_millis(2500));
}
