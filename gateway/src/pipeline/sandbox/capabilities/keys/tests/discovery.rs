//! Key sets that are found by their issuer.

use super::*;

/// An issuer with a path, its description in one of the places where it may be.
struct Described {
    server: Issuer,
    name: String,
}

const OPENID: &str = "/realms/a/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server/realms/a";

impl Described {
    /// It describes itself at `place` as somebody whose keys are at `/keys`.
    async fn at(place: &'static str) -> Self {
        let server = Issuer::start("").await;
        let origin = server.url.trim_end_matches("/jwks.json").to_owned();
        let name = format!("{origin}/realms/a");
        let described = Self { server, name };
        described.says(place, &described.name, &format!("{origin}/keys"), ONE);
        described
    }

    fn says(&self, place: &'static str, name: &str, jwks_uri: &str, keys: &str) {
        let description = format!(r#"{{"issuer":"{name}","jwks_uri":"{jwks_uri}"}}"#);
        let keys = keys.to_owned();
        self.server.answers_by_path(move |path| match path {
            path if path == place => (200, description.clone()),
            "/keys" => (200, keys.clone()),
            "/html" => (200, String::from("<!doctype html>")),
            _ => (404, String::new()),
        });
    }

    fn keys_at(&self, path: &str) -> String {
        self.server.url.replace("/jwks.json", path)
    }
}

fn issuer(name: &str) -> KeySet {
    KeySet {
        issuer: Some(Spanned::new(name.to_owned(), Default::default())),
        ..url("")
    }
}

fn of_issuer(name: &str) -> KeySet {
    KeySet {
        url: None,
        ..issuer(name)
    }
}

async fn status(described: &Described) -> (Keys, crate::pipeline::sandbox::KeySetStatus) {
    let keys = Keys::default();
    let declared = declare(&keys, vec![("login", of_issuer(&described.name))]).unwrap();
    keys.commit(declared);
    first_arrival(&keys, "login").await;
    let status = keys.status().remove(0);
    (keys, status)
}

#[tokio::test]
async fn keys_are_found_in_either_place() {
    for place in [OPENID, OAUTH] {
        let described = Described::at(place).await;
        let (keys, status) = status(&described).await;
        assert_eq!((status.kids.len(), &status.error), (1, &None), "{place}");
        assert_eq!(status.source, described.name);
        assert_eq!(status.jwks_uri, Some(described.keys_at("/keys")));
        let set = set(&keys, "login");
        assert_eq!(set.definition.issuer(), Some(&*described.name));
    }
}

#[tokio::test]
async fn an_issuer_that_is_none_gives_no_keys() {
    let described = Described::at(OPENID).await;
    let (name, keys) = (described.name.clone(), described.keys_at("/keys"));
    let html = described.keys_at("/html");
    let cases = [
        (format!("{name}/"), keys.clone(), "wrong-issuer"),
        (
            String::from("https://login.test"),
            keys.clone(),
            "wrong-issuer",
        ),
        (
            name.clone(),
            String::from("http://keys.test/"),
            "unsafe-url",
        ),
        (
            name.clone(),
            String::from("file:///etc/passwd"),
            "unsafe-url",
        ),
        (name.clone(), html, "malformed"),
        (name.clone(), described.keys_at("/nowhere"), "status"),
        (
            name.clone(),
            String::from("http://127.0.0.1:1/"),
            "unreachable",
        ),
    ];
    for (says, jwks_uri, reason) in cases {
        described.says(OPENID, &says, &jwks_uri, ONE);
        let (keys, status) = status(&described).await;
        assert_eq!((status.version, status.failures), (0, 1), "{status:?}");
        let mut metrics = String::new();
        keys.render(&mut metrics);
        let series = format!("{{key_set=\"login\",reason=\"{reason}\"}} 1\n");
        assert!(metrics.contains(&series), "{reason}: {status:?}");
    }
    // Both places were asked, and what each said is told.
    described.server.answers(404, "");
    let (_, status) = status(&described).await;
    let error = status.error.unwrap();
    assert!(error.contains(OPENID) && error.contains(OAUTH), "{error}");
}

#[tokio::test]
async fn an_issuer_may_move_its_keys() {
    let described = Described::at(OPENID).await;
    let (keys, _) = status(&described).await;
    // The old place is gone, and a key is missing.
    let origin = described.server.url.trim_end_matches("/jwks.json");
    let elsewhere = format!("{origin}/moved");
    let description = format!(
        r#"{{"issuer":"{}","jwks_uri":"{elsewhere}"}}"#,
        described.name
    );
    described.server.answers_by_path(move |path| match path {
        OPENID => (200, description.clone()),
        "/moved" => (200, TWO.to_owned()),
        _ => (404, String::new()),
    });
    soon(set(&keys, "login").refresh().unwrap()).await;
    let status = keys.status().remove(0);
    assert_eq!((status.kids.len(), status.jwks_uri), (2, Some(elsewhere)));
}

#[tokio::test]
async fn known_keys_survive_an_issuer_that_has_become_another() {
    let described = Described::at(OPENID).await;
    let (keys, _) = status(&described).await;
    described.says(
        OPENID,
        "https://evil.test",
        &described.keys_at("/keys"),
        TWO,
    );
    set(&keys, "login").cool();
    // In a hurry the place that is known is asked.
    soon(set(&keys, "login").refresh().unwrap()).await;
    assert_eq!(keys.status()[0].kids.len(), 2);
    described.server.answers(200, "<html>");
    set(&keys, "login").cool();
    soon(set(&keys, "login").refresh().unwrap()).await;
    let status = keys.status().remove(0);
    assert_eq!(status.kids.len(), 2);
    assert!(status.error.unwrap().contains("HTML"));
}

#[tokio::test]
async fn wrong_issuers_are_refused_when_they_are_declared() {
    let keys = Keys::default();
    for wrong in ["login.test", "http://login.test", "https://login.test/?a=b"] {
        let problems = declare(&keys, vec![("login", of_issuer(wrong))]).unwrap_err();
        assert!(problems[0].hint.is_some(), "{wrong}: {problems:?}");
    }
    assert!(declare(&keys, vec![("login", issuer("https://login.test"))]).is_err());
}
