//! Hashes as other programs make them, and a crowd before the threads.

use std::time::Duration;

use super::*;

/// What Python's `bcrypt` makes of `correct horse`, with the prefix of `htpasswd`.
const BCRYPT: &str = "$2y$04$nj5eIRnFx5K13dbXVTU78.N1sNCBHtYgD8ZMRSL.cjZ0zQYUNhe36";
/// What the reference implementation of Argon2 makes of it.
const ARGON2: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$4Smw+8uJE9vkMuQHTI8JCch07funn1w88/v1CwyXAOw";

fn start(passwords: &Passwords, hash: &str, password: &str) -> Check {
    Check::start(passwords, hash, Zeroizing::new(password.to_owned()))
}

async fn outcome(check: &Check) -> Outcome {
    let Check::Pending(pending) = check else {
        panic!("it did not begin");
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, pending.done())
        .await
        .expect("in time");
    pending.outcome().unwrap()
}

#[tokio::test]
async fn passwords_are_told_apart() {
    let passwords = Passwords::default();
    for hash in [
        BCRYPT,
        &BCRYPT.replace("$2y$", "$2b$"),
        &BCRYPT.replace("$2y$", "$2a$"),
        ARGON2,
    ] {
        for (password, expected) in [
            ("correct horse", Outcome::Right),
            ("correct Horse", Outcome::Wrong),
            ("", Outcome::Wrong),
            ("correct horse\0", Outcome::Wrong),
        ] {
            let check = start(&passwords, hash, password);
            assert_eq!(outcome(&check).await, expected, "{hash} {password:?}");
        }
    }
    let mut metrics = String::new();
    passwords.render(&mut metrics);
    assert!(
        metrics.contains("witgate_password_checks_total{result=\"right\"} 4\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("witgate_password_checks_total{result=\"wrong\"} 12\n"),
        "{metrics}"
    );
}

#[test]
fn what_cannot_be_checked_says_why_and_is_not_repeated() {
    for (hash, said) in [
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "is SHA-1"),
        ("$apr1$zI4b3pRt$Nq8DxrLXjVCgDuhHCGRD./", "is MD5"),
        ("$6$salt$hash", "is SHA-crypt"),
        ("$y$j9T$salt$hash", "yescrypt"),
        ("rl5FQoLxh5D1U", "is DES"),
        ("hunter2", "is no hash"),
        ("", "is no hash"),
        ("$2x$04$abc", "wrong kind of bcrypt"),
        ("$2y$04$abc", "bcrypt that is damaged"),
        (&BCRYPT.replace("$04$", "$15$"), "a cost of 15"),
        (&BCRYPT.replace("$04$", "$03$"), "a cost of 3"),
        ("$argon2id$v=19$m=8,t=1,p=1", "Argon2 that is damaged"),
        (&ARGON2.replace("m=8,", "m=4194304,"), "takes too much"),
        (&ARGON2.replace("t=1,", "t=4000000,"), "takes too much"),
        (&ARGON2.replace("argon2id", "argon2x"), "damaged"),
        (&ARGON2.replace("v=19", "v=99"), "damaged"),
    ] {
        let unusable = Hash::parse(hash).expect_err(hash).to_string();
        assert!(unusable.contains(said), "{hash}: {unusable}");
        assert!(unusable.contains("htpasswd") || said.is_empty());
        assert!(hash.is_empty() || !unusable.contains(hash), "{unusable}");
    }
    for fine in [BCRYPT, ARGON2] {
        assert!(Hash::parse(fine).is_ok(), "{fine}");
    }
}

#[test]
fn a_crowd_is_bounded_and_those_who_left_are_passed_over() {
    let passwords = Passwords::default();
    let dear = BCRYPT.replace("$04$", "$08$");
    let mut waiting = Vec::new();
    let refused = loop {
        match start(&passwords, &dear, "x") {
            check @ Check::Pending(_) => waiting.push(check),
            Check::Refused(error) => break error,
            Check::Done => unreachable!(),
        }
        assert!(waiting.len() < 1000, "the line has no end");
    };
    assert!(matches!(refused, Error::Busy));
    let last = waiting.pop().unwrap();
    waiting.clear();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(outcome(&last)), Outcome::Wrong);
    let mut metrics = String::new();
    passwords.render(&mut metrics);
    assert!(metrics.contains("{result=\"busy\"} 1\n"), "{metrics}");
    assert!(!metrics.contains("{result=\"abandoned\"} 0\n"), "{metrics}");
}

#[test]
fn a_password_without_end_is_none() {
    let check = start(&Passwords::default(), BCRYPT, &"x".repeat(4097));
    assert!(matches!(check, Check::Refused(Error::Unusable(_))));
}
