//! Unary calls: what of a request arrives in which field, and what of the answer comes back.

use http::Method;
use serde_json::json;

use super::{send, start, start_with};
use crate::support::client::{self, empty, full, request};

#[tokio::test]
async fn path_query_and_metadata_arrive() {
    let (_probe, gateway) = start().await;
    let path = "/v1/echo/a%2Fb?item.displayName=A%20b+c&item.weight=9007199254740993&item.tags=x&item.tags=y\
                &item.size=LARGE&item.counts[one]=1&item.made=2026-01-02T03:04:05Z&item.lasts=3.5s&item.rating=4.5\
                &item.seal=AQI&loud=true&numbers=1&numbers=2&item.inner.id=i";
    let sent = request(Method::GET, gateway.address(), path)
        .header("x-customer", "alice")
        .header("x-token-bin", "AQI")
        .body(empty())
        .unwrap();
    let answer = client::send(gateway.address(), sent).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-initial"), Some("yes"));
    assert_eq!(answer.header("x-seal-bin"), Some("AQI"));
    for name in ["grpc-status", "grpc-message", "te"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    let seen = answer.json();
    let expected = json!({
        "item": {
            "id": "a/b",
            "displayName": "A b c",
            "weight": "9007199254740993",
            "tags": ["x", "y"],
            "size": "LARGE",
            "counts": { "one": 1 },
            "made": "2026-01-02T03:04:05Z",
            "lasts": "3.500s",
            "rating": 4.5,
            "seal": "AQI=",
            "inner": { "id": "i" },
        },
        "loud": true,
        "numbers": [1, 2],
    });
    assert_eq!(seen["request"], expected);
    assert_eq!(seen["metadata"]["x-customer"], "alice");
    assert_eq!(seen["metadata"]["x-token-bin"], "0102");
    assert!(
        seen["metadata"]
            .get("accept")
            .is_none_or(|accept| accept != "*/*"),
        "{seen}"
    );
}

#[tokio::test]
async fn bodies_arrive_whole_or_in_a_field() {
    let (_probe, gateway) = start().await;
    let whole =
        json!({ "item": { "id": "7", "display_name": "either name", "size": 2 }, "numbers": [1] });
    let seen = send(&gateway, Method::POST, "/v1/echo", whole).await.json();
    let item = json!({ "id": "7", "displayName": "either name", "size": "LARGE" });
    assert_eq!(seen["request"], json!({ "item": item, "numbers": [1] }));
    // The path beats the body, and `response_body` names a part of the answer.
    let body = json!({ "id": "from-the-body", "tags": ["t"] });
    let seen = send(
        &gateway,
        Method::PUT,
        "/v1/echo/from-the-path?loud=true",
        body,
    )
    .await
    .json();
    assert_eq!(
        seen,
        json!({ "item": { "id": "from-the-path", "tags": ["t"] }, "loud": true })
    );
}

#[tokio::test]
async fn a_patch_says_what_it_changes() {
    let (_probe, gateway) = start().await;
    let body = json!({ "displayName": "new", "inner": { "id": "x" }, "tags": [], "made": null });
    let seen = send(&gateway, Method::PATCH, "/v1/items/7", body)
        .await
        .json();
    assert_eq!(
        seen["item"],
        json!({ "id": "7", "displayName": "new", "inner": { "id": "x" } })
    );
    let mask = seen["updateMask"].as_str().unwrap();
    let mut paths: Vec<_> = mask.split(',').collect();
    paths.sort_unstable();
    assert_eq!(paths, ["displayName", "inner.id", "made", "tags"]);
    // One that is given stays as it is.
    let body = json!({ "displayName": "new" });
    let seen = send(
        &gateway,
        Method::PATCH,
        "/v1/items/7?updateMask=weight",
        body,
    )
    .await
    .json();
    assert_eq!(seen["updateMask"], "weight");
}

#[tokio::test]
async fn a_request_that_cannot_be_bound_never_reaches_the_server() {
    let (_probe, gateway) = start().await;
    let refused = [
        ("/v1/echo/1?nonsense=1", 400, "nonsense"),
        ("/v1/echo/1?item.size=MEDIUM", 400, "SMALL"),
        ("/v1/echo/1?item.weight=many", 400, "weight"),
        ("/v1/nothing", 404, ""),
    ];
    for (path, status, named) in refused {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status(), status, "{path}: {}", answer.text());
        let code = if status == 404 { 5 } else { 3 };
        assert_eq!(answer.json()["code"], code, "{path}: {}", answer.text());
        assert!(answer.text().contains(named), "{path}: {}", answer.text());
    }
    let wrong = send(&gateway, Method::DELETE, "/v1/echo/1", json!(null)).await;
    assert_eq!(wrong.status(), 405);
    let allow = wrong.header("allow").unwrap();
    for method in ["GET", "PUT"] {
        assert!(allow.contains(method), "{allow}");
    }
    for body in [
        "{",
        r#"{"loud":true,"loud":true}"#,
        r#"{"loud":"yes"}"#,
        r#"{"loud":true,}"#,
    ] {
        let sent = request(Method::POST, gateway.address(), "/v1/echo")
            .header("content-type", "application/json")
            .body(full(body))
            .unwrap();
        let answer = client::send(gateway.address(), sent).await;
        assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
    }
}

/// What is gRPC already goes through the same route untouched.
#[tokio::test]
async fn a_grpc_request_is_left_alone() {
    let (_probe, gateway) = start_with("").await;
    let sent = http::Request::post(format!("http://{}/v1/echo/1", gateway.address()))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(full(&b"\0\0\0\0\0"[..]))
        .unwrap();
    let answer = client::send_h2(gateway.address(), sent).await;
    assert_eq!(answer.status(), 200);
    // grpcio has no method of that name.
    assert_eq!(answer.header("grpc-status"), Some("12"));
}
