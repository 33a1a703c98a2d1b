//! Orders over HTTP/1.1: `/orders`, `/orders/{id}`.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::reply;

const ITEMS: [&str; 3] = ["lamp", "chair", "table"];

pub(crate) fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/orders" {
        let orders = ITEMS
            .iter()
            .enumerate()
            .map(|(index, item)| order(index, item))
            .collect::<Vec<_>>();
        return reply(StatusCode::OK, &json!(orders));
    }
    let found = path
        .strip_prefix("/orders/")
        .and_then(|id| id.parse::<usize>().ok())
        .and_then(|id| {
            let index = id.checked_sub(1)?;
            ITEMS.get(index).map(|item| order(index, item))
        });
    let Some(mut order) = found else {
        return reply(
            StatusCode::NOT_FOUND,
            &json!({ "error": "there is no such order; there are 1 to 3" }),
        );
    };
    let field = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    order["asked-by"] = json!(field("x-customer"));
    order["request-id"] = json!(field("x-request-id"));
    reply(StatusCode::OK, &order)
}

fn order(index: usize, item: &str) -> Value {
    json!({ "id": index + 1, "item": item })
}
