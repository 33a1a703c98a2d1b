//! Credentials that the gateway adds.

use super::*;

fn secrets(folder: &Path, bytes: &str) -> Secrets {
    std::fs::write(folder.join("s"), bytes).unwrap();
    let yaml = "{ file: s }";
    let main = folder.join("witgate.yaml");
    let text = format!("listeners: [{{ address: '127.0.0.1:0' }}]\nsecrets:\n  s: {yaml}\n");
    std::fs::write(&main, text).unwrap();
    let _ = std::fs::create_dir(folder.join("routes.d"));
    let loaded = crate::config::load(&main, None);
    let raw = loaded.gateway.raw.clone().unwrap();
    let secrets = Secrets::default();
    let read = secrets.declare(&raw.secrets, &loaded.gateway.path, folder);
    assert!(read.complete, "{:?}", read.problems);
    secrets.commit();
    secrets
}

#[tokio::test]
async fn credentials_are_added_and_replace_what_the_plugin_says() {
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let (url, _) = server(move |mut stream| {
        let heard = heard.clone();
        async move {
            while let Some(request) = read(&mut stream).await {
                let _ = heard.send(request);
                let _ = stream.write_all(OK.as_bytes()).await;
            }
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let secrets = secrets(folder.path(), "s e+cret");
    let all = HttpClients::default();
    let form = [
        ("authorization", "mine"),
        (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
    ];
    // base64 of `a:s e+cret`, of `a%3Ab:s+e%2Bcret`.
    for (authorization, field, ends) in [
        (
            "basic: { user: a, password: s }",
            "authorization: basic yTpzIGUrY3JldA==",
            "g=x&client_id=me",
        ),
        (
            "bearer: s",
            "authorization: bearer s e+cret",
            "g=x&client_id=me",
        ),
        (
            "client-credentials: { id: 'a:b', secret: s }",
            "authorization: basic ysuzqwi6cytljtjcy3jlda==",
            "g=x",
        ),
        (
            "client-credentials: { id: 'a:b', secret: s, send: body }",
            "",
            "g=x&client_id=a%3Ab&client_secret=s+e%2Bcret",
        ),
    ] {
        let yaml = format!("{{ url: {url}, authorization: {{ {authorization} }} }}");
        declare(&all, &secrets, &yaml).unwrap();
        all.commit();
        let client = all.live().remove(0).1;
        send(
            &client,
            request("POST", "/base", &form, b"g=x&client_id=me"),
        )
        .await
        .unwrap();
        let heard = hears.recv().await.unwrap();
        assert!(heard.contains(&field.to_lowercase()), "{field}: {heard}");
        assert!(heard.ends_with(ends) && !heard.contains("mine"), "{heard}");
        assert_eq!(heard.contains("authorization:"), !field.is_empty());
        let shown = format!("{:?}", all.status());
        assert!(!shown.contains("cret"), "{shown}");
    }
    let client = all.live().remove(0).1;
    assert_eq!(fails(&client, get("/base")).await, "invalid", "no form");
}
