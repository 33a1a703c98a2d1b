//! Plugins that wait without holding anything: requests of their own, claims, and what becomes of them.

use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};

use super::*;

const CALLS: &str = "witgate_sandbox_calls_total{plugin=\"outbound\",phase=\"on-request\"}";
const IN_FLIGHT: &str = "witgate_http_client_in_flight{client=\"server\"}";
const INSTANCES: &str = "witgate_sandbox_instances{plugin=\"outbound\"}";

/// Answers each connection's request with `hi`, as soon as it may.
struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
    /// What it waits for before each answer.
    go: Arc<Notify>,
}

impl Server {
    async fn eager() -> Self {
        Self::start(true).await
    }

    async fn start(eager: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, waits) = (Arc::clone(&asked), Arc::clone(&go));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (counted, waits) = (Arc::clone(&counted), Arc::clone(&waits));
                tokio::spawn(async move {
                    // A request without body fits into one packet.
                    let _ = stream.read(&mut [0; 4096]).await;
                    counted.fetch_add(1, SeqCst);
                    if !eager {
                        waits.notified().await;
                    }
                    let answer =
                        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { url, asked, go }
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

/// What would hang a test ends it.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, future).await.expect("in time")
}

fn chain(bed: &Bed, server: &Server, limits: &str, settings: &str) -> Chain {
    chains(bed, server, limits, [settings]).1.remove(0)
}

/// Routes of one and the same plugin.
fn chains<const N: usize>(
    bed: &Bed,
    server: &Server,
    limits: &str,
    settings: [&str; N],
) -> (Plugins, Vec<Chain>) {
    let component = component("outbound");
    let component = component.display();
    let plugins = format!(
        "  outbound: {{ component: {component}, grants: [metrics, http-client, kv], limits: {{ {limits} }} }}\n\
         http-clients: {{ server: {{ url: '{}', timeout: 10s, max-in-flight: 512 }} }}",
        server.url
    );
    let loaded = bed.write(&plugins, "[]");
    let raw = loaded.gateway.raw.as_ref().unwrap();
    let clients = bed.host.http_clients();
    let file = &loaded.gateway.path;
    clients
        .declare(&raw.http_clients, file, bed.host.secrets(), true)
        .unwrap();
    clients.commit();
    let installed = bed
        .plugins(&loaded, None)
        .unwrap_or_else(|it| panic!("{it:?}"));
    let compile = |settings: &str| {
        let chain = format!("[{{ outbound: {{ client: server, {settings} }} }}]");
        let loaded = bed.write(&plugins, &chain);
        bed.chain(&loaded, &installed)
            .unwrap_or_else(|it| panic!("{it:?}"))
    };
    let chains = settings.into_iter().map(compile).collect();
    installed.settle();
    (installed, chains)
}

/// One exchange to its end: `x-answer`, and after how many calls.
async fn asks(sandbox: &Sandbox, chain: &Chain) -> Result<(String, u32), Failure> {
    let exchange = sandbox.begin(chain, &facts());
    let mut parts = request();
    soon(head(&exchange, &mut parts)).await?;
    let text = |name| parts.headers.get(name).map(|value| value.to_str().unwrap());
    let calls = text("x-calls").map_or(1, |calls| calls.parse().unwrap());
    Ok((text("x-answer").unwrap().to_owned(), calls))
}

#[tokio::test]
async fn the_state_lasts_from_call_to_call() {
    let (bed, server) = (Bed::new(), Server::eager().await);
    let sandbox = Sandbox::new(&bed.host);
    let once = chain(&bed, &server, "", "deed: ask");
    assert_eq!(asks(&sandbox, &once).await.unwrap(), ("200 2".into(), 2));
    let twice = chain(&bed, &server, "", "deed: ask-twice");
    assert_eq!(
        asks(&sandbox, &twice).await.unwrap(),
        ("200 2200 2".into(), 3)
    );
    let traps = chain(&bed, &server, "", "deed: trap-later");
    let failure = asks(&sandbox, &traps).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Trap(_)), "{failure}");
    assert_eq!(server.asked(), 4);
}

#[tokio::test]
async fn who_waits_for_nothing_is_told_so() {
    let (bed, server) = (Bed::new(), Server::eager().await);
    let chain = chain(&bed, &server, "", "deed: again");
    let failure = asks(&Sandbox::new(&bed.host), &chain).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Failed(_)), "{failure}");
    assert_eq!(bed.metric(CALLS), 1);
}

#[tokio::test]
async fn a_slow_server_holds_no_instance_and_not_for_ever() {
    let (bed, server) = (Bed::new(), Server::start(false).await);
    let sandbox = Sandbox::new(&bed.host);
    let slow = chain(&bed, &server, "wait: 300ms", "deed: ask");
    let waiting = async { join_all((0..20).map(|_| asks(&sandbox, &slow))).await };
    let others = async {
        while server.asked() < 20 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bed.metric(INSTANCES), 1);
        assert_eq!(bed.metric(IN_FLIGHT), 20);
    };
    let (ended, ()) = soon(async { tokio::join!(waiting, others) }).await;
    for failure in ended {
        let kind = failure.unwrap_err().kind;
        assert!(matches!(kind, FailureKind::Waited(_)), "{kind}");
    }
    // They were cancelled with their exchanges.
    bed.until(IN_FLIGHT, |now| now == 0).await;
    let cancelled = "witgate_http_client_requests_total{client=\"server\",outcome=\"cancelled\"}";
    assert_eq!(bed.metric(cancelled), 20);
}

#[tokio::test]
async fn one_asks_for_all_on_every_worker() {
    let (bed, server) = (Bed::new(), Server::start(false).await);
    let workers = [Sandbox::new(&bed.host), Sandbox::new(&bed.host)];
    let chain = chain(&bed, &server, "", "deed: share");
    let all = workers
        .iter()
        .flat_map(|worker| (0..50).map(|_| asks(worker, &chain)));
    let first = async {
        while server.asked() == 0 {
            tokio::task::yield_now().await;
        }
        server.go.notify_one();
    };
    let (answers, ()) = soon(async { tokio::join!(join_all(all), first) }).await;
    for answer in answers {
        assert_eq!(answer.unwrap().0, "200 2");
    }
    assert_eq!(server.asked(), 1);
    // Those that come later know it already.
    let late = asks(&Sandbox::new(&bed.host), &chain).await.unwrap();
    assert_eq!((late, server.asked()), (("200 2".into(), 1), 1));
}

#[tokio::test]
async fn a_claim_is_free_when_its_exchange_is_over() {
    let (bed, server) = (Bed::new(), Server::start(false).await);
    let sandbox = Sandbox::new(&bed.host);
    let claims = chain(&bed, &server, "", "deed: claim");
    let looks = chain(&bed, &server, "", "deed: is-free");
    let is_free = async || asks(&sandbox, &looks).await.unwrap().0;
    assert_eq!(is_free().await, "true");
    let exchange = sandbox.begin(&claims, &facts());
    let mut parts = request();
    let held = async {
        while server.asked() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(is_free().await, "false");
    };
    tokio::select! {
        _ = head(&exchange, &mut parts) => panic!("it waits"),
        () = soon(held) => {}
    }
    drop(exchange);
    assert_eq!(is_free().await, "true");
    bed.until(IN_FLIGHT, |now| now == 0).await;
}

#[tokio::test]
async fn a_trap_frees_what_its_instance_held_and_others_begin_anew() {
    let (bed, server) = (Bed::new(), Server::start(false).await);
    let sandbox = Sandbox::new(&bed.host);
    let settings = ["deed: claim", "deed: claim-and-trap"];
    let (_plugins, both) = chains(&bed, &server, "", settings);
    let (claims, traps) = (&both[0], &both[1]);
    let waits = asks(&sandbox, claims);
    let others = async {
        while server.asked() == 0 {
            tokio::task::yield_now().await;
        }
        let failure = asks(&sandbox, traps).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Trap(_)));
        // The state is lost: it asks again.
        while server.asked() == 1 {
            tokio::task::yield_now().await;
        }
        server.go.notify_waiters();
        server.go.notify_one();
    };
    let (waited, ()) = soon(async { tokio::join!(waits, others) }).await;
    assert_eq!(waited.unwrap(), ("200 2".into(), 2));
}

#[tokio::test]
async fn what_is_hoarded_is_bounded_and_given_back() {
    let (bed, server) = (Bed::new(), Server::start(false).await);
    let chain = chain(&bed, &server, "time: 2s", "deed: hoard");
    let failure = asks(&Sandbox::new(&bed.host), &chain).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Trap(_)), "{failure}");
    bed.until(IN_FLIGHT, |now| now == 0).await;
}

#[tokio::test]
async fn more_than_all_instances_can_keep_are_turned_away() {
    let (bed, server) = (Bed::new(), Server::start(false).await);
    let sandbox = Sandbox::new(&bed.host);
    // Room for three in each of sixteen instances.
    let chain = chain(&bed, &server, "handles: 12, wait: 20s", "deed: ask");
    let all = async { join_all((0..100).map(|_| asks(&sandbox, &chain))).await };
    let go = async {
        bed.until(IN_FLIGHT, |now| now >= 48).await;
        while server.asked() < 48 {
            tokio::task::yield_now().await;
        }
        loop {
            server.go.notify_waiters();
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::select! {
        ended = all => ended,
        () = go => unreachable!(),
    };
    let (answered, refused): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    assert!(
        answered.len() >= 48 && !refused.is_empty(),
        "{}",
        answered.len()
    );
    for failure in refused {
        let kind = failure.unwrap_err().kind;
        assert!(matches!(kind, FailureKind::Exhausted(_)), "{kind}");
    }
}

#[tokio::test]
async fn a_tick_goes_on_with_its_task_in_the_next() {
    let (bed, server) = (Bed::new(), Server::eager().await);
    let chain = chain(&bed, &server, "", "ticks: true");
    let mut ticker = Ticker::default();
    ticker.update([&chain]);
    let answers = "witgate_plugin_tick_answers{plugin=\"outbound\",answer=\"200 2\"}";
    bed.until(answers, |answers| answers >= 2).await;
}
