//! Configurations that open descriptors.

use super::*;

const NAME: &str = "books";

fn plugins() -> String {
    let component = component("schemas");
    let component = component.display();
    format!("  schemas: {{ component: {component}, grants: [descriptors] }}")
}

fn catalog(entry: Entry) -> Arc<Catalog> {
    Arc::new(
        [((Kind::Descriptors, NAME.into()), entry)]
            .into_iter()
            .collect(),
    )
}

fn ready(bytes: &str) -> Arc<Catalog> {
    catalog(Entry::Ready(Arc::new(Content::new(bytes.into()))))
}

fn digest(bytes: &str) -> String {
    Content::new(bytes.into()).digest().to_owned()
}

/// What an exchange of this chain says that it has opened.
async fn opened(sandbox: &Sandbox, chain: &Chain) -> Result<String, Failure> {
    let exchange = sandbox.begin(chain, &facts());
    head(&exchange, &mut request()).await?;
    let mut parts = response();
    match exchange.on_response(&mut parts, full("hello")).await {
        Ok(_) => Ok(parts.headers["x-digest"].to_str().unwrap().to_owned()),
        Err(PhaseError::Failure(failure)) => Err(failure),
        Err(PhaseError::Body(never)) => match never {},
    }
}

struct Opened {
    bed: Bed,
    loaded: Loaded,
    plugins: Plugins,
}

impl Opened {
    fn new(chain: &str) -> Self {
        let bed = Bed::new();
        let loaded = bed.write(&plugins(), chain);
        let plugins = bed.plugins(&loaded, None).unwrap();
        Self {
            bed,
            loaded,
            plugins,
        }
    }

    fn compile(&mut self, catalog: &Arc<Catalog>) -> Result<(Chain, Vec<Problem>), Vec<Problem>> {
        let source = &self.loaded.routes[0];
        let installed = Installed {
            plugins: &self.plugins,
            catalog,
        };
        let route = &source.raw.as_ref().unwrap().routes[0];
        Chain::compile("r", &route.plugins, &installed, &source.path)
    }
}

#[tokio::test]
async fn each_configuration_keeps_what_it_opened() {
    let mut opened_by = Opened::new("[{ schemas: { descriptors: books } }]");
    let (one, two) = (ready("one"), ready("two"));
    let (before, _) = opened_by.compile(&one).unwrap();
    let sandbox = Sandbox::new(&opened_by.bed.host);
    let exchange = sandbox.begin(&before, &facts());
    head(&exchange, &mut request()).await.unwrap();

    assert!(!before.is_outdated(&one) && before.is_outdated(&two));
    let (after, _) = opened_by.compile(&two).unwrap();
    assert_eq!(opened(&sandbox, &after).await.unwrap(), digest("two"));
    assert_eq!(opened(&sandbox, &before).await.unwrap(), digest("one"));
    // One that began before ends on what it began with.
    let mut parts = response();
    exchange.on_response(&mut parts, full("")).await.unwrap();
    assert_eq!(parts.headers["x-digest"], digest("one"));
}

#[tokio::test]
async fn a_large_schema_reaches_the_plugin() {
    let mut opened_by = Opened::new("[{ schemas: { descriptors: books, needs: [END] } }]");
    let large = format!("{}END", "x".repeat(3 << 20));
    let (chain, _) = opened_by.compile(&ready(&large)).unwrap();
    let sandbox = Sandbox::new(&opened_by.bed.host);
    assert_eq!(opened(&sandbox, &chain).await.unwrap(), digest(&large));
}

#[tokio::test]
async fn a_refusal_stands_at_its_place() {
    let mut opened_by = Opened::new("[{ schemas: { descriptors: books, needs: [Get, Put] } }]");
    let problems = opened_by.compile(&ready("Get")).unwrap_err();
    assert_eq!(problems.len(), 1);
    let message = &problems[0].message;
    assert!(
        message.contains("`Put` is not in the descriptors"),
        "{message}"
    );
    assert_eq!(problems[0].span.line, 4);
    assert!(opened_by.compile(&ready("Get and Put")).is_ok());
    let problems = opened_by.compile(&Arc::default()).unwrap_err();
    assert!(
        problems[0]
            .message
            .contains("no descriptors are called `books`")
    );
}

#[tokio::test]
async fn a_chain_waits_for_descriptors_that_are_not_there_yet() {
    let mut opened_by = Opened::new("[{ schemas: { descriptors: books } }]");
    let awaited = catalog(Entry::Awaited("nobody listens".into()));
    let (waiting, warnings) = opened_by.compile(&awaited).unwrap();
    assert!(
        warnings[0].message.contains("nobody listens"),
        "{warnings:?}"
    );
    assert_eq!(waiting.waits(), Some(("schemas", "nobody listens")));
    let sandbox = Sandbox::new(&opened_by.bed.host);
    let failure = opened(&sandbox, &waiting).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Unready(_)));

    let one = ready("one");
    assert!(!waiting.is_outdated(&awaited) && waiting.is_outdated(&one));
    let (serving, warnings) = opened_by.compile(&one).unwrap();
    assert!(warnings.is_empty() && serving.waits().is_none());
    assert_eq!(opened(&sandbox, &serving).await.unwrap(), digest("one"));
}

#[tokio::test]
async fn a_plugin_can_be_asked_about_a_configuration() {
    let mut opened_by = Opened::new("[{ schemas: { descriptors: books, odd: true } }]");
    let (chain, warnings) = opened_by.compile(&ready("one")).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].message.contains("that is odd"), "{warnings:?}");
    assert!(warnings[0].span.column > 30, "at its place: {warnings:?}");
    let asked = Asked {
        method: "GET".into(),
        path_and_query: "/a?b".into(),
        headers: vec![("x-tenant".into(), b"acme".to_vec())],
        body: Some(b"12345".to_vec()),
    };
    let said = chain.explain(&asked).remove(0).unwrap().unwrap();
    let expected = serde_json::json!({
        "digest": digest("one"), "asked": "GET /a?b", "tenant": "acme", "body": 5,
    });
    assert_eq!(said, expected);
    let (plugin, document) = chain.openapi().unwrap();
    assert_eq!(plugin, "schemas");
    assert_eq!(document.unwrap()["info"]["version"], digest("one"));
}

#[tokio::test]
async fn who_has_nothing_to_say_is_not_asked() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[hostile]");
    assert_eq!(chain.explain(&Asked::default()), [None]);
    assert!(chain.openapi().is_none());
}
