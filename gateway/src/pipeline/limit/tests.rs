//! What a route asks, for whom, and what clients are told.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

use super::{Around, Asker, Granted, Phase, Refusal, RouteLimits, fields};
use crate::{
    config::{
        Source,
        problem::Problem,
        raw::{RateLimit, ShortOr},
        span::Spanned,
    },
    pipeline::{
        identity::{Identity, IdentityFields},
        limiter::{
            Admission, Answer, By, Cause, Left, Limit, Limiter, Limits, Moment, Question, Refused,
        },
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    declared: std::collections::BTreeMap<String, Spanned<RateLimit>>,
    route: Vec<Spanned<ShortOr<RateLimit>>>,
}

fn compile(declared: &str, route: &str) -> Result<RouteLimits, Vec<Problem>> {
    let yaml = format!("declared: {{ {declared} }}\nroute: [ {route} ]");
    let source = Source::<File>::new("a.yaml".into(), &yaml);
    let raw = source.raw.as_deref();
    let raw = raw.unwrap_or_else(|| panic!("{:#?}", source.problems));
    let file = Arc::new(PathBuf::from("a.yaml"));
    let limiters = Limits::default().declare(&raw.declared, &file)?;
    let around = Around {
        route: "read-orders",
        limiters: &limiters,
        file: &file,
    };
    RouteLimits::compile(&raw.route, around).map(Option::unwrap)
}

fn limits(declared: &str, route: &str) -> RouteLimits {
    compile(declared, route).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn asker<'a>(headers: &'a HeaderMap, client: &str, identity: Option<&'a Identity>) -> Asker<'a> {
    Asker {
        route: "read-orders",
        client: client.parse().unwrap(),
        headers,
        identity,
    }
}

fn tenant(name: &str) -> Identity {
    let fields = IdentityFields {
        scheme: "jwt".into(),
        tenant: Some(name.into()),
        claims: r#"{ "org": { "id": 7 } }"#.into(),
        ..IdentityFields::default()
    };
    Identity::new(fields).unwrap()
}

/// Both phases of one exchange.
fn pass(limits: &RouteLimits, asker: &Asker<'_>) -> Result<Granted, Refusal> {
    let mut granted = Granted::default();
    for phase in [Phase::Before, Phase::After] {
        let later = limits.ask(&mut granted, phase, asker, Moment::now())?;
        assert!(later.is_none(), "these answer at once");
    }
    Ok(granted)
}

#[test]
fn an_address_is_that_of_a_client() {
    let headers = HeaderMap::new();
    let key = |client: &str| asker(&headers, client, None).key(&[By::Address]).unwrap();
    assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
    assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
    assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
}

/// What counts one tenant never counts another, wherever the parts of a key end.
#[test]
fn combinations_count_for_themselves() {
    let by = |headers: &HeaderMap| {
        let by = ["x-a", "x-b"].map(|name| By::Header(name.parse().unwrap()));
        asker(headers, "192.0.2.1", None).key(&by)
    };
    let headers = |a: &'static str, b: &'static str| {
        let fields = [("x-a", a), ("x-b", b)];
        HeaderMap::from_iter(
            fields.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))),
        )
    };
    assert_eq!(by(&headers("ab", "c")), by(&headers("ab", "c")));
    assert_ne!(by(&headers("ab", "c")), by(&headers("a", "bc")));
    let mut several = [headers("a", "c"), headers("a", "b")];
    several[0].append("x-a", HeaderValue::from_static("b"));
    several[1].append("x-b", HeaderValue::from_static("c"));
    assert_ne!(by(&several[0]), by(&several[1]));
    assert_eq!(by(&headers("ab", "")), None);
    assert_eq!(by(&HeaderMap::new()), None);
}

#[test]
fn a_name_that_a_plugin_gives_is_the_key_of_a_request() {
    let limits = limits(
        "a: { by: tenant, rates: 1/h }, b: { by: address, rates: 1/h }, c: { by: 'claim:/org/id', rates: 1/h }",
        "a, b, c",
    );
    let (headers, acme) = (HeaderMap::new(), tenant("acme"));
    let asker = asker(&headers, "2001:db8::1", Some(&acme));
    for (limit, name) in limits.limits().zip(["2001:db8::2", "acme", "7"]) {
        let definition = &limit.definition;
        assert_eq!(
            asker.key(&definition.by),
            Some(definition.key(name)),
            "{name}"
        );
    }
}

/// A header field with the name of a tenant says nothing of the tenant.
#[test]
fn identities_are_not_headers() {
    let limits = limits("", "{ by: tenant, rates: 1/h, missing: refuse }");
    let mut headers = HeaderMap::new();
    for name in ["tenant", "x-tenant", "x-auth-tenant"] {
        headers.insert(name, HeaderValue::from_static("acme"));
    }
    let refusal = pass(&limits, &asker(&headers, "192.0.2.1", None)).unwrap_err();
    assert_eq!(refusal.cause, Cause::Key);
    let acme = tenant("acme");
    assert!(pass(&limits, &asker(&headers, "192.0.2.1", Some(&acme))).is_ok());
}

/// Those by the identity come last, and are not asked before the policies.
#[test]
fn limits_are_asked_when_their_key_is_known() {
    let limits = limits(
        "",
        "{ by: tenant, rates: 1/h, missing: refuse }, { by: address, rates: 1/h }",
    );
    let headers = HeaderMap::new();
    let asker = asker(&headers, "192.0.2.1", None);
    let mut granted = Granted::default();
    assert!(
        limits
            .ask(&mut granted, Phase::Before, &asker, Moment::now())
            .unwrap()
            .is_none()
    );
    assert!(
        limits
            .ask(&mut granted, Phase::Before, &asker, Moment::now())
            .unwrap()
            .is_none(),
        "once"
    );
    let refusal = limits.ask(&mut granted, Phase::After, &asker, Moment::now());
    let refusal = refusal.err().unwrap();
    assert_eq!(refusal.cause, Cause::Key);
    assert_eq!(refusal.retry_after_seconds(), None);
}

#[test]
fn clients_are_told() {
    let limits = limits(
        "per-tenant: { rates: [10/s, 1000/h], burst: 20, concurrency: 5 }",
        "per-tenant, { name: per-tenant, cost: 3 }, { rates: 100/m, headers: false }, { rates: 500/s, burst: 5 }",
    );
    let headers = HeaderMap::new();
    let granted = pass(&limits, &asker(&headers, "192.0.2.1", None)).unwrap();
    let mut fields = HeaderMap::new();
    limits.tell(&granted, &mut fields);
    let one = r#""per-tenant/s";q=20;w=2, "per-tenant/h";q=1000;w=3600, "per-tenant";q=5;qu="concurrent-requests""#;
    assert_eq!(
        fields["ratelimit-policy"],
        format!(r#"{one}, {one}, "read-orders/4";q=500;w=1"#)
    );
    assert_eq!(fields["ratelimit"], r#""read-orders/4";r=4;t=1"#);
}

/// Most of the time from memory; it must be the same.
#[test]
fn what_is_left_is_told_as_it_is() {
    let limits = limits("", "{ by: address, rates: 12/h, cost: 2 }");
    let headers = HeaderMap::new();
    let told = |client: &str| {
        let granted = pass(&limits, &asker(&headers, client, None)).unwrap();
        let mut fields = HeaderMap::new();
        limits.tell(&granted, &mut fields);
        fields["ratelimit"].to_str().unwrap().to_owned()
    };
    assert_eq!(told("192.0.2.1"), r#""read-orders/1";r=10;t=300"#);
    assert_eq!(told("192.0.2.2"), r#""read-orders/1";r=10;t=300"#);
    let third = told("192.0.2.1");
    assert!(third.starts_with(r#""read-orders/1";r=8;t="#), "{third}");
}

#[test]
fn names_are_strings_in_the_sense_of_structured_fields() {
    let name = |name: &str| {
        let left = Left {
            rate: 0,
            remaining: u32::MAX,
            next: Duration::MAX,
        };
        let limits = limits("", "{ rates: 5/h }");
        let limit = limits.limits().next().unwrap();
        let limit = Limit {
            name: name.into(),
            definition: limit.definition.clone(),
            limiter: Box::new(crate::pipeline::limiter::tests::Nobody),
        };
        let told = fields::Told::new(&limit, 1);
        told.field(left).to_str().unwrap().to_owned()
    };
    assert!(name("a\"b\\\u{e9}\n").starts_with("\"a?b???\";r=4294967295;t="));
    let long = name(&"x".repeat(1000));
    assert!(
        long.len() < 144 && long.contains("x\";r=4294967295;t=18446744073709551615"),
        "{long}"
    );
}

#[test]
fn nonsense_is_refused_with_what_to_write_instead() {
    let declared = "per-tenant: { by: tenant, rates: [10/s, 1000/h] }";
    for (route, expected) in [
        (
            "per-tennant",
            "no rate limit is called `per-tennant`; did you mean `per-tenant`?",
        ),
        (
            "zzz",
            "no rate limit is called `zzz`; there are: per-tenant",
        ),
        (
            "{ name: per-tenant, cost: 11 }",
            "a request of cost 11 never passes; 1 to 10",
        ),
        (
            "{ name: per-tenant, cost: 0 }",
            "a request of cost 0 never passes; 1 to 10",
        ),
        (
            "{ name: per-tenant, rates: 5/s }",
            "beside `name` there can only be `cost`; say the rest under",
        ),
        (
            "{ rates: 0/s }",
            "a limit of 0 admits nobody; write at least 1; to close a route, write `respond:",
        ),
        ("{ cost: 5 }", "it limits nothing"),
    ] {
        let problems = compile(declared, route).unwrap_err();
        let problem = &problems[0];
        let said = format!(
            "{}; {}",
            problem.message,
            problem.hint.as_deref().unwrap_or_default()
        );
        assert!(said.starts_with(expected), "{route}: {said}");
        assert_eq!(problem.span.line, 2, "{route}");
    }
}

/// A limiter that asks elsewhere: it admits so much, and says so later.
#[derive(Debug)]
struct Elsewhere(AtomicU32);

impl Limiter for Elsewhere {
    fn ask(&self, question: &Question) -> Answer {
        let left = self.0.load(Relaxed).checked_sub(question.cost);
        self.0.store(left.unwrap_or_default(), Relaxed);
        let decision = match left {
            Some(remaining) => Ok(Admission {
                left: Some(Left {
                    rate: 0,
                    remaining,
                    next: Duration::from_secs(1),
                }),
                permit: None,
            }),
            None => Err(Refused::unknown()),
        };
        Answer::Later(Box::pin(async { decision }))
    }
}

/// Whoever asks a limiter is ready for an answer that comes later, and then asks on.
#[test]
fn an_answer_may_come_later() {
    let mut limits = limits("", "{ rates: 9/h, cost: 2 }, { rates: 5/h }");
    let item = &mut limits.items[0];
    item.limit = Arc::new(Limit {
        name: "elsewhere".into(),
        definition: item.limit.definition.clone(),
        limiter: Box::new(Elsewhere(AtomicU32::new(3))),
    });
    let headers = HeaderMap::new();
    let asker = asker(&headers, "192.0.2.1", None);
    let pass = || {
        let mut granted = Granted::default();
        let awaited = limits.ask(&mut granted, Phase::Before, &asker, Moment::now())?;
        let decision = awaited.unwrap().now_or_never().unwrap();
        limits.settle(&mut granted, decision)?;
        assert!(
            limits
                .ask(&mut granted, Phase::Before, &asker, Moment::now())?
                .is_none()
        );
        let mut fields = HeaderMap::new();
        limits.tell(&granted, &mut fields);
        Ok::<_, Refusal>(fields)
    };
    assert_eq!(pass().unwrap()["ratelimit"], "\"read-orders/1\";r=1;t=1");
    let refusal = pass().unwrap_err();
    assert_eq!(
        (&*refusal.limit, refusal.retry_after_seconds()),
        ("elsewhere", Some(1))
    );
}
