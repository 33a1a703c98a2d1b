use super::*;

fn matcher(rules: &[&str], verb: UnregisteredVerb, slash: TrailingSlash) -> Matcher {
    let mut matcher = Matcher::new(verb, slash);
    for (index, rule) in rules.iter().enumerate() {
        let (method, template) = rule.split_once(' ').unwrap();
        let template = Template::parse(template).unwrap();
        matcher.insert(method, &template, index).unwrap();
    }
    matcher
}

/// The template of the rule that wins, whatever the order of the rules.
fn winner(rules: &[&str], method: &str, path: &str) -> String {
    let find = |rules: &[&str]| {
        let matcher = matcher(rules, UnregisteredVerb::Data, TrailingSlash::Exact);
        let found = matcher.find(method, path);
        found.map(|found| rules[found.rule].to_owned())
    };
    let mut reversed = rules.to_vec();
    reversed.reverse();
    let found = find(rules);
    assert_eq!(found, find(&reversed), "{method} {path}");
    found.unwrap_or_else(|miss| format!("{miss:?}"))
}

#[test]
fn what_is_more_specific_wins() {
    let rules = [
        "GET /a/b",
        "GET /a/{x}",
        "GET /a/{x=**}",
        "GET /{x=*}/b",
        "GET /a/**/y",
        "GET /a/**/x/y",
        "GET /",
    ];
    for (path, rule) in [
        ("/a/b", "GET /a/b"),
        ("/a/c", "GET /a/{x}"),
        ("/a", "GET /a/{x=**}"),
        ("/a/", "GET /a/{x=**}"),
        ("/c/b", "GET /{x=*}/b"),
        ("/a/1/2/y", "GET /a/**/y"),
        ("/a/1/2/x/y", "GET /a/**/x/y"),
        ("/a/x/y", "GET /a/**/x/y"),
        ("/", "GET /"),
        ("/b", "Unknown"),
        ("//b", "Unknown"),
        ("a/b", "Unknown"),
        ("", "Unknown"),
    ] {
        assert_eq!(winner(&rules, "GET", path), rule, "{path}");
    }
}

#[test]
fn the_way_back_is_taken() {
    let rules = [
        "GET /a/b/c",
        "GET /a/{x}/d",
        "GET /{x=**}/e",
        "POST /a/{x}/c",
    ];
    assert_eq!(winner(&rules, "GET", "/a/b/d"), "GET /a/{x}/d");
    assert_eq!(winner(&rules, "GET", "/a/b/e"), "GET /{x=**}/e");
    assert_eq!(winner(&rules, "POST", "/a/b/c"), "POST /a/{x}/c");
    assert_eq!(
        winner(&rules, "PUT", "/a/b/c"),
        r#"Method(["GET", "POST"])"#
    );
}

#[test]
fn a_rule_for_any_method_comes_last() {
    let rules = ["* /a", "GET /a", "HEAD /b"];
    assert_eq!(winner(&rules, "GET", "/a"), "GET /a");
    assert_eq!(winner(&rules, "PROPFIND", "/a"), "* /a");
    assert_eq!(winner(&rules, "GET", "/b"), r#"Method(["HEAD"])"#);
}

#[test]
fn verbs_are_known_or_data() {
    let rules = [
        "GET /a/{x}",
        "GET /a/{x}:go",
        "GET /b:x:go",
        "GET /{x=**}:%2c",
    ];
    for (path, rule) in [
        ("/a/1:go", "GET /a/{x}:go"),
        ("/a/1%3Ago", "GET /a/{x}"),
        ("/a/1:stop", "GET /a/{x}"),
        ("/a/1:x:go", "GET /a/{x}:go"),
        ("/b:x:go", "GET /b:x:go"),
        ("/b:go", "Unknown"),
        ("/a/1:g%6F", "GET /a/{x}:go"),
        ("/z:%2C", "GET /{x=**}:%2c"),
        ("/a/1:", "GET /a/{x}"),
        ("/a:go/1", "Unknown"),
    ] {
        assert_eq!(winner(&rules, "GET", path), rule, "{path}");
    }
    let strict = matcher(&rules, UnregisteredVerb::Refuse, TrailingSlash::Exact);
    assert_eq!(strict.find("GET", "/a/1:stop"), Err(Miss::Unknown));
    assert_eq!(strict.find("GET", "/a/1:go").map(|found| found.rule), Ok(1));
}

#[test]
fn a_trailing_slash_is_a_matter_of_taste() {
    let rules = ["GET /a/{x}", "GET /b/**"];
    let find = |slash, path| {
        matcher(&rules, UnregisteredVerb::Data, slash)
            .find("GET", path)
            .map(|found| (found.rule, found.path.to_owned()))
    };
    assert_eq!(find(TrailingSlash::Exact, "/a/1/"), Err(Miss::Unknown));
    assert_eq!(
        find(TrailingSlash::Tolerate, "/a/1/"),
        Ok((0, "/a/1".into()))
    );
    assert_eq!(
        find(TrailingSlash::Redirect, "/a/1/"),
        Err(Miss::Slash("/a/1".into()))
    );
    assert_eq!(
        find(TrailingSlash::Redirect, "/b/1/"),
        Ok((1, "/b/1/".into()))
    );
    let elsewhere = ["GET /**/end"];
    let redirecting = matcher(&elsewhere, UnregisteredVerb::Data, TrailingSlash::Redirect);
    assert_eq!(redirecting.find("GET", "//host/end/"), Err(Miss::Unknown));
    let tolerant = matcher(&rules, UnregisteredVerb::Data, TrailingSlash::Tolerate);
    assert_eq!(
        tolerant.find("PUT", "/a/1/"),
        Err(Miss::Method(vec!["GET".into()]))
    );
}

#[test]
fn escapes_are_compared_in_normal_form() {
    let rules = ["GET /a%2fb/c", "GET /*/~"];
    assert_eq!(winner(&rules, "GET", "/a%2Fb/c"), "GET /a%2fb/c");
    assert_eq!(winner(&rules, "GET", "/a%2fb/%63"), "GET /a%2fb/c");
    assert_eq!(winner(&rules, "GET", "/%7ax/%7E"), "GET /*/~");
    assert_eq!(winner(&rules, "GET", "/a/b/c"), "Unknown");
}

#[test]
fn the_same_rule_twice_is_an_error() {
    let mut matcher = matcher(
        &["GET /a/{x}", "GET /b/{x=**}/c"],
        UnregisteredVerb::Data,
        TrailingSlash::Exact,
    );
    let mut insert =
        |method, template| matcher.insert(method, &Template::parse(template).unwrap(), 9);
    assert_eq!(insert("GET", "/a/{y}"), Err(0));
    assert_eq!(insert("GET", "/b/**/c"), Err(1));
    assert_eq!(insert("PUT", "/a/{y}"), Ok(()));
    assert_eq!(insert("GET", "/a/{y}:go"), Ok(()));
}

#[test]
fn slashes_and_colons_cost_no_stack() {
    let rules = ["GET /a/**/x", "GET /{y=**}:go"];
    let slashes = "/".repeat(64_000);
    assert_eq!(
        winner(&rules, "GET", &format!("/a/{slashes}/x")),
        "GET /a/**/x"
    );
    assert_eq!(winner(&rules, "GET", &format!("/a/{slashes}/y")), "Unknown");
    let colons = ":go".repeat(64_000);
    assert_eq!(
        winner(&rules, "GET", &format!("/{colons}")),
        "GET /{y=**}:go"
    );
}
