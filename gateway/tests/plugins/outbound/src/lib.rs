//! A plugin for tests: asks servers, shares what it learns, and counts how often it is called.

use std::{cell::RefCell, time::Duration};

use witgate_plugin::{
    http::{self, Client},
    kv::{self, Claim, Entry},
    metrics::Counter,
    prelude::*,
    task::Task,
};

/// What to do with a request. Nothing, unless it is written.
#[config]
struct Settings {
    /// One of `http-clients`.
    #[serde(default)]
    client: Option<String>,
    #[serde(default)]
    deed: Deed,
    /// Asked of the client.
    #[serde(default = "root")]
    target: String,
    /// Asked in every tick, too.
    #[serde(default)]
    ticks: bool,
}

#[config]
#[derive(Clone, Copy, Default)]
enum Deed {
    #[default]
    Nothing,
    /// Ask, and put the answer into `x-answer`.
    Ask,
    /// Ask twice, one after the other.
    AskTwice,
    /// Ask once for all exchanges, and put what was learnt into `x-answer`.
    Share,
    /// Hold a claim for as long as the server takes to answer.
    Claim,
    /// Hold a claim, and trap.
    ClaimAndTrap,
    /// Say whether the claim is free.
    IsFree,
    /// Wait for nothing.
    Again,
    /// Ask without end.
    Hoard,
    /// Trap in the second call.
    TrapLater,
}

struct Outbound {
    settings: Settings,
    client: Option<Client>,
    tick: RefCell<Option<Task<Answer>>>,
}

type Answer = Result<http::Response<Vec<u8>>, http::Error>;

/// What one exchange is about.
#[derive(Default)]
struct Progress {
    work: Option<Task<String>>,
    calls: u32,
}

const LEASE: Duration = Duration::from_secs(30);
const TTL: Duration = Duration::from_secs(60);

fn root() -> String {
    String::from("/")
}

#[policy]
impl Policy for Outbound {
    type Config = Settings;
    type State = Progress;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let client = settings.client.as_deref().map(Client::open).transpose();
        let client = client.map_err(|message| vec![Problem::at("/client", message)])?;
        Ok(Self {
            settings,
            client,
            tick: RefCell::default(),
        })
    }

    fn on_request(&self, request: &mut Request, progress: &mut Progress) -> Result<Verdict> {
        progress.calls += 1;
        if let Deed::TrapLater = self.settings.deed {
            assert!(progress.calls < 2, "as it was told");
        }
        if progress.work.is_none() {
            progress.work = match self.begin(request)? {
                Begun::Work(work) => Some(work),
                Begun::Verdict(verdict) => return Ok(verdict),
            };
        }
        match progress.work.as_mut().and_then(Task::poll) {
            None => Ok(Verdict::Again),
            Some(answer) => {
                request.set_header("x-answer", answer)?;
                request.set_header("x-calls", progress.calls.to_string())?;
                Ok(Verdict::Next)
            }
        }
    }

    fn tick_interval(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn on_tick(&self) -> Result<()> {
        if !self.settings.ticks {
            return Ok(());
        }
        let mut tick = self.tick.borrow_mut();
        let task = match &mut *tick {
            Some(task) => task,
            None => tick.insert(Task::new(self.ask()?)),
        };
        if let Some(answer) = task.poll() {
            Counter::new("tick_answers", &[("answer", &shown(answer))]).add(1);
            *tick = None;
        }
        Ok(())
    }
}

enum Begun {
    Work(Task<String>),
    Verdict(Verdict),
}

impl Outbound {
    fn begin(&self, request: &mut Request) -> Result<Begun> {
        Ok(Begun::Work(match self.settings.deed {
            Deed::Nothing => return Ok(Begun::Verdict(Verdict::Next)),
            Deed::Again => return Ok(Begun::Verdict(Verdict::Again)),
            Deed::Ask | Deed::TrapLater => {
                let asked = self.ask()?;
                Task::new(async { shown(asked.await) })
            }
            Deed::AskTwice => {
                let (one, two) = (self.ask()?, self.ask()?);
                Task::new(async { shown(one.await) + &shown(two.await) })
            }
            Deed::Share => Task::new(share(self.ask()?)),
            Deed::Claim => {
                let asked = self.ask()?;
                Task::new(async {
                    let _claim = Claim::acquire("claimed", LEASE).await;
                    shown(asked.await)
                })
            }
            Deed::ClaimAndTrap => {
                let _claim = Claim::try_acquire("claimed", LEASE);
                panic!("as it was told");
            }
            Deed::IsFree => {
                let free = Claim::try_acquire("claimed", LEASE).is_some();
                request.set_header("x-answer", free.to_string())?;
                return Ok(Begun::Verdict(Verdict::Next));
            }
            Deed::Hoard => {
                // Each of them is a handle, and another request under way.
                let client = self.client.clone().ok_or("no client")?;
                let mut hoard = Vec::new();
                loop {
                    let mut one = Box::pin(client.send(http::Request::get("/").body(Vec::new())?));
                    let waker = std::task::Waker::noop();
                    let _ = one
                        .as_mut()
                        .poll(&mut std::task::Context::from_waker(waker));
                    hoard.push(one);
                }
            }
        }))
    }

    fn ask(&self) -> Result<impl Future<Output = Answer> + use<>> {
        let client = self.client.clone().ok_or("no client")?;
        let request = http::Request::get(&self.settings.target).body(Vec::new())?;
        Ok(async move { client.send(request).await })
    }
}

async fn share(asked: impl Future<Output = Answer>) -> String {
    match kv::get_or_claim("answer", LEASE).await {
        Entry::Value(known) => String::from_utf8(known).unwrap_or_default(),
        Entry::Claimed(_claim) => {
            let answer = shown(asked.await);
            kv::set("answer", answer.as_bytes(), TTL);
            answer
        }
    }
}

fn shown(answer: Answer) -> String {
    match answer {
        Ok(answer) => format!("{} {}", answer.status().as_u16(), answer.body().len()),
        Err(error) => format!("{error:?}"),
    }
}
