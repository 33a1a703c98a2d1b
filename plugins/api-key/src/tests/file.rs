//! Files of keys, good and bad.

use super::*;

fn problems(lines: &str) -> Vec<String> {
    let problems = policy(lines, &json!({})).err().expect("it was taken");
    assert!(problems.iter().all(|problem| problem.pointer == "/file"));
    problems
        .into_iter()
        .map(|problem| problem.message)
        .collect()
}

#[test]
fn every_bad_line_is_named_and_none_repeated() {
    let good = sesame(&json!({}));
    let lines = [
        "# a comment",
        "",
        "hunter2",
        &good,
        &json!({ "key": "hunter2", "consumer": "b" }).to_string(),
        &json!({ "key": "sha256:41ef", "consumer": "b" }).to_string(),
        &json!({ "key": SESAME }).to_string(),
        &json!({ "key": 7, "consumer": "b" }).to_string(),
        &json!({ "key": SESAME, "consumer": "b", "scope": "hunter2" }).to_string(),
        &sesame(&json!({ "expires": "hunter2" })),
        &sesame(&json!({ "consumer": "" })),
        &good,
    ];
    let said = problems(&lines.join("\n"));
    let expected = [
        "line 3 is no JSON object",
        "line 5 has no digest",
        "line 6 has no digest",
        "line 7 is no JSON object",
        "line 8 has a field of the wrong type",
        "only `key`, `consumer`",
        "line 10 has an `expires`",
        "line 11 names nobody",
        "lines 4 and 12 have the same key",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_flood_of_bad_lines_is_cut() {
    let said = problems(&"x\n".repeat(5000));
    assert_eq!(said.len(), 11);
    assert!(said[10].contains("4990 more"), "{}", said[10]);
}

#[test]
fn what_is_no_text_is_told() {
    testing::set_file("keys", [0xff]);
    let problems = testing::configure::<ApiKey>(r#"{ "file": "keys" }"#)
        .err()
        .unwrap();
    assert!(problems[0].message.contains("not UTF-8"));
    let problems = testing::configure::<ApiKey>(r#"{ "file": "kies" }"#)
        .err()
        .unwrap();
    assert!(problems[0].message.contains("no file is called"));
}

#[test]
fn a_file_without_keys_lets_nobody_in_and_is_warned_of() {
    let policy = policy("# none yet\n", &json!({})).unwrap();
    assert_eq!(policy.warnings().len(), 1);
    assert!(refused(&policy, with_key("")).is_some());
    assert!(refused(&policy, with_key("x")).is_some());
}

#[test]
fn ten_thousand_keys_are_told_apart() {
    let digest = |key: &str| {
        let digest = crypto::sha256(key.as_bytes());
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let lines: Vec<_> = (0..10_000)
        .map(|n| json!({ "key": format!("sha256:{}", digest(&format!("key-{n}"))), "consumer": format!("c{n}") }))
        .map(|line| line.to_string())
        .collect();
    let policy = policy(&lines.join("\r\n"), &json!({})).unwrap();
    // More of them than are remembered.
    for n in (0..10_000).step_by(5) {
        let mut exchange = Exchange::new(&policy, with_key(format!("key-{n}")));
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        let identity = exchange.request().identity().unwrap();
        assert_eq!(identity.consumer(), Some(format!("c{n}")));
    }
    assert!(refused(&policy, with_key("key-10000")).is_some());
}

#[test]
fn wrong_settings_are_all_reported() {
    let from = json!({ "header": "a", "cookie": "b" });
    let settings = json!({ "from": from, "realm": "\u{e9}", "secret": "none" });
    let problems = policy("x", &settings).err().unwrap();
    let places: Vec<_> = problems.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(places, ["/from", "/secret", "/realm", "/file"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever stands in the file: it is taken or refused, and never repeated.
    #[test]
    fn no_line_brings_it_down(line in "\\PC{0,80}", shaped in any::<bool>()) {
        let line = if shaped { json!({ "key": line, "consumer": line }).to_string() } else { line };
        if let Err(problems) = policy(&line, &json!({})) {
            for problem in problems {
                prop_assert!(problem.pointer == "/file");
                prop_assert!(line.len() < 12 || !problem.message.contains(&line));
            }
        }
    }
}
