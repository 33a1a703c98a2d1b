//! Which value wins, and how many there may be.

use super::*;

#[test]
fn path_then_query_then_header_then_body() {
    let header = json!({ "headers": { "X-Text": "text" } });
    assert_eq!(
        onto(
            &header,
            "POST",
            "/part/7?inner.text=q&inner.tags=c",
            &json!({ "inner": { "i64": "8", "text": "b", "tags": ["a"], "yes": true } })
        ),
        Ok(
            json!({ "inner": { "i64": "7", "text": "q", "tags": ["a", "c"], "yes": true }, "text": "header" })
        )
    );
    assert_eq!(
        bound(&header, "GET", "/q?text=query"),
        Ok(json!({ "text": "query" }))
    );
    assert_eq!(
        bound(&json!({}), "GET", "/p/7/a?i64=8&inner.text=b"),
        Ok(json!({ "i64": "7", "inner": { "text": "a" } }))
    );
    // Zero is a value, though it is not printed.
    assert_eq!(
        onto(&json!({}), "POST", "/whole/0", &json!({ "i64": "8" })),
        Ok(json!({}))
    );
    assert_eq!(
        bound(&json!({}), "GET", "/p/0/a?i64=8"),
        Ok(json!({ "inner": { "text": "a" } }))
    );
}

#[test]
fn conflicts_can_be_refused() {
    let strict = json!({ "body": { "on-conflict": "refuse" }, "headers": { "x-text": "text" } });
    let refused = |method, path, body: Json| onto(&strict, method, path, &body).unwrap_err();
    assert!(
        refused("GET", "/p/7/a?i64=8", json!({})).contains("i64: this is given different values")
    );
    assert!(
        refused("GET", "/q?text=query", json!({})).contains("text: this is given different values")
    );
    assert!(refused("POST", "/whole/7", json!({ "i64": 8 })).contains("i64: "));
    assert!(refused("POST", "/part/7?one=a", json!({ "other": {} })).contains("one: "));
    assert!(
        refused(
            "POST",
            "/part/7?counts[a]=1",
            json!({ "counts": { "a": 2 } })
        )
        .contains("counts[a]: ")
    );
    assert!(onto(&strict, "POST", "/whole/7", &json!({ "i64": 7 })).is_ok());
    assert!(bound(&strict, "GET", "/p/7/a?i64=7").is_ok());
}

#[test]
fn the_body_leaves_nothing_or_the_rest() {
    assert!(
        bound(&json!({}), "POST", "/whole/7?text=a")
            .unwrap_err()
            .contains("whole message")
    );
    let ignore = json!({ "query": { "unknown": "ignore" } });
    assert_eq!(
        bound(&ignore, "POST", "/whole/7?text=a"),
        Ok(json!({ "i64": "7" }))
    );
    assert_eq!(
        bound(&json!({}), "POST", "/part/7?text=a"),
        Ok(json!({ "inner": { "i64": "7" }, "text": "a" }))
    );
}

#[test]
fn the_number_of_values_is_bounded() {
    let few = json!({ "limits": { "fields": 3, "string": 5 } });
    let tags = |n| format!("/q?{}", "tags=a&".repeat(n));
    assert!(bound(&few, "GET", &tags(3)).is_ok());
    assert!(
        bound(&few, "GET", &tags(4))
            .unwrap_err()
            .contains("limits.fields")
    );
    let lists = json!({ "limits": { "fields": 300 }, "query": { "repeated-messages": 256 } });
    assert!(bound(&lists, "GET", "/q?many[255].text=a").is_ok());
    assert!(
        bound(&lists, "GET", "/q?many[255].many[255].text=a")
            .unwrap_err()
            .contains("limits.fields")
    );
    assert!(
        bound(&few, "GET", "/q?text=123456")
            .unwrap_err()
            .contains("longer than 5 bytes")
    );
}

#[test]
fn forms_are_bound_as_queries() {
    let (api, settings) = api(PROTO, &json!({}));
    let input = api.rules()[0].rpc.input();
    let mut message = DynamicMessage::new(input.clone());
    let bound = bind_form(&input, "text=a+b&inner.i32=1", &settings).unwrap();
    bound.apply(&mut message).unwrap();
    assert_eq!(
        printed(&message),
        json!({ "text": "a b", "inner": { "i32": 1 } })
    );
    assert!(bind_form(&input, "text=a&text=b", &settings).is_err());
}
