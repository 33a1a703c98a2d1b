//! A route protected by the basic-auth component.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;

use crate::support::{
    client::{self, Answer, empty, request},
    components, eventually,
    gateway::{Gateway, Setup},
    soon, upstream,
};

/// What a user's line is, with a password that is quickly checked, or not.
fn line(user: &str, password: &str, cost: u32) -> String {
    let hash = bcrypt::hash_with_salt(password, cost, [7; 16]).unwrap();
    format!("{user}:{hash}\n")
}

async fn setup(config: &str) -> Setup {
    let up = upstream::echo().await;
    let component = components::shipped("basic-auth");
    Setup::new()
        .settings(&format!(
            "plugins:\n  basic-auth:\n    component: '{}'\n    grants: [clock, crypto, files, passwords, random]\n    limits: {{ time: 1s }}\n\
             files: {{ users: users.htpasswd }}\n\
             identity: {{ headers: {{ subject: x-user }} }}",
            component.display()
        ))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\n\
             routes:\n  - name: guarded\n    plugins: [basic-auth: {config}]\n    to: up"
        ))
}

async fn with_password(address: SocketAddr, user: &str, password: &str) -> Answer {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let sent = request(Method::GET, address, "/")
        .header("authorization", format!("Basic {encoded}"))
        .header("x-user", "mallory")
        .body(empty())
        .unwrap();
    client::send(address, sent).await
}

async fn lets_in(gateway: &Gateway, user: &str, password: &str) -> bool {
    let answer = with_password(gateway.address(), user, password).await;
    match answer.status().as_u16() {
        200 => true,
        401 => false,
        other => panic!("{other}: {}", answer.text()),
    }
}

/// The policy's own answer.
fn is_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status(), status, "{}", answer.text());
    assert_eq!(answer.json()["code"], code);
}

#[tokio::test]
async fn the_right_password_opens_the_route_and_says_who_it_is() {
    // What the reference implementation of Argon2 makes of `correct horse`.
    let argon2 = "grace:$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$4Smw+8uJE9vkMuQHTI8JCch07funn1w88/v1CwyXAOw\n";
    let gateway = setup("{ file: users, realm: the stable }").await;
    let users = line("ada", "correct horse", 4) + argon2;
    let gateway = gateway.file("users.htpasswd", users).start().await;
    for user in ["ada", "grace", "ada"] {
        let answer = with_password(gateway.address(), user, "correct horse").await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(upstream::seen(&answer.json(), "x-user"), [user]);
        assert!(upstream::seen(&answer.json(), "authorization").is_empty());
    }
    for user in ["ada", "grace", "nobody"] {
        let answer = with_password(gateway.address(), user, "wrong horse").await;
        is_refused(&answer, 401, "password-wrong");
        let challenge = "Basic realm=\"the stable\", charset=\"UTF-8\"";
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }
    let answer = client::get(gateway.address(), "/").await;
    is_refused(&answer, 401, "password-missing");
    let noted = |line: &serde_json::Value| line.to_string().contains("credentials-invalid");
    gateway.access.wait_for("the note", noted).await;
    let metrics = gateway.metrics().await;
    let checks = |result| metrics.sum("witgate_password_checks_total", &[result]);
    assert_eq!(checks("result=\"wrong\""), 3.0);
    assert!(
        (2.0..=3.0).contains(&checks("result=\"right\"")),
        "once for each worker"
    );
    for told in [gateway.log.text(), gateway.access.text()] {
        assert!(!told.contains("horse"), "{told}");
    }
}

#[tokio::test]
async fn an_edit_of_the_file_is_live_without_a_restart() {
    let gateway = setup("{ file: users }").await;
    let gateway = gateway
        .file("users.htpasswd", line("ada", "one", 4))
        .start()
        .await;
    assert!(lets_in(&gateway, "ada", "one").await);
    gateway.write(
        "users.htpasswd",
        line("ada", "two", 4) + &line("bob", "three", 4),
    );
    eventually("the other password", async || {
        lets_in(&gateway, "ada", "two").await
    })
    .await;
    assert!(lets_in(&gateway, "bob", "three").await);
    assert!(
        !lets_in(&gateway, "ada", "one").await,
        "though it was right not long ago"
    );

    gateway.write("users.htpasswd", "ada:hunter2\n");
    eventually("the report", async || {
        gateway
            .admin("/files")
            .await
            .text()
            .contains("the hash of the user `ada` is no hash")
    })
    .await;
    assert!(lets_in(&gateway, "ada", "two").await);
    assert!(!gateway.log.text().contains("hunter2"));
}

#[tokio::test]
async fn hashes_that_cannot_be_checked_refuse_the_start() {
    let users = "ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nbob:hunter2\neve:$apr1$zI4b3pRt$Nq8DxrLXjVCgDuhHCGRD./\n";
    let setup = setup("{ file: users }").await.file("users.htpasswd", users);
    let (status, log) = setup.refused().await;
    assert!(!status.success());
    for said in [
        "line 1: the hash of the user `ada` is SHA-1",
        "line 2: the hash of the user `bob` is no hash",
        "line 3: the hash of the user `eve` is MD5",
        "make it anew with `htpasswd -nB USER`",
    ] {
        assert!(log.contains(said), "{log}");
    }
    assert!(!log.contains("hunter2") && !log.contains("W6ph5"), "{log}");
}

#[tokio::test]
async fn a_crowd_of_wrong_passwords_keeps_nobody_out_who_is_known() {
    const COST: u32 = 9;
    let gateway = setup("{ file: users }").await;
    let gateway = gateway
        .file("users.htpasswd", line("ada", "right", COST))
        .start()
        .await;
    let address = gateway.address();
    // Known on both workers.
    let known = || async {
        let metrics = gateway.metrics().await;
        metrics.sum("witgate_password_checks_total", &["result=\"right\""]) >= 2.0
    };
    eventually("both workers to know her", async || {
        assert!(lets_in(&gateway, "ada", "right").await);
        known().await
    })
    .await;

    let over = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..120)
        .map(|n| {
            let over = Arc::clone(&over);
            tokio::spawn(async move {
                let (mut wrong, mut busy) = (0, 0);
                while !over.load(Relaxed) {
                    let answer = with_password(address, "ada", &format!("wrong-{n}")).await;
                    match answer.status().as_u16() {
                        401 => wrong += 1,
                        503 => {
                            is_refused(&answer, 503, "password-checks-busy");
                            assert_eq!(answer.header("retry-after"), Some("1"));
                            busy += 1;
                            // As it was told, though not for so long.
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                        other => panic!("{other}: {}", answer.text()),
                    }
                }
                (wrong, busy)
            })
        })
        .collect();
    eventually("the crowd", async || {
        let metrics = gateway.metrics().await;
        metrics.sum("witgate_password_checks_total", &["result=\"busy\""]) > 50.0
    })
    .await;
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let begun = Instant::now();
        assert!(lets_in(&gateway, "ada", "right").await);
        slowest = slowest.max(begun.elapsed());
    }
    over.store(true, Relaxed);
    let (mut wrong, mut busy) = (0, 0);
    for one in crowd {
        let (one_wrong, one_busy) = soon("one of the crowd", one).await.unwrap();
        wrong += one_wrong;
        busy += one_busy;
    }
    assert!(wrong > 0 && busy > 0, "{wrong} wrong, {busy} busy");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}
