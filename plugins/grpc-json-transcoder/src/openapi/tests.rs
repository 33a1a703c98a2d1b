use serde_json::json;
use witgate_plugin::Asked;

use super::*;
use crate::testing::{api, transcoder};

/// The service of the samples.
const BOOKSTORE: &str = include_str!("../../../../routes.d/bookstore.proto");

const PROTO: &str = r#"
syntax = "proto3";
package shop.v2;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

// Things for sale.
service Shop {
  // One thing.
  // And nothing but it.
  rpc Get(GetRequest) returns (Thing) {
    option (google.api.http) = {
      get: "/v2/things/{id}"
      additional_bindings { custom: { kind: "LINK" path: "/v2/things/{id}" } }
      additional_bindings { get: "/v2/{name=shelves/*/things/*}" }
    };
  }
  rpc Put(PutRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = { put: "/v2/things/{thing.id}" body: "thing" };
    option deprecated = true;
  }
  rpc Any(Thing) returns (Thing) {
    option (google.api.http) = { custom: { kind: "*" path: "/v2/things/{name}" } body: "*" response_body: "labels" };
  }
  rpc Watch(GetRequest) returns (stream Thing) { option (google.api.http) = { get: "/v2/{name=**}:watch" }; }
  rpc Send(stream Thing) returns (Thing) { option (google.api.http) = { post: "/v2/things:send" body: "*" }; }
  rpc Raw(google.api.HttpBody) returns (google.api.HttpBody) { option (google.api.http) = { post: "/v2/raw" body: "*" }; }
  rpc Object(google.protobuf.Struct) returns (google.protobuf.Value) {
    option (google.api.http) = { post: "/v2/object" body: "*" };
  }
}

// What is asked for.
message GetRequest {
  int64 id = 1;
  // Its name.
  string name = 2;
  Filter filter = 3;
  repeated Colour colours = 4;
  map<string, int32> counts = 5;
  google.protobuf.Struct extra = 6;
  oneof choice { string first = 7; Filter second = 8; }
  google.protobuf.BoolValue maybe = 9;
}
message Filter { double least = 1; Filter inner = 2; repeated Filter more = 3; bytes token = 4; }
message PutRequest { Thing thing = 1; bool dry = 2; }
// Colours that there are.
enum Colour { NONE = 0; RED = 1; }
message Thing {
  string name = 1; uint64 id = 2; google.protobuf.Timestamp at = 3; Thing inner = 4; repeated Thing parts = 5;
  map<string, string> labels = 6; google.protobuf.Any any = 7; Colour colour = 8; google.protobuf.Value value = 9;
}
"#;

fn openapi(given: &Json) -> Json {
    let (api, settings) = api(PROTO, given);
    document(&api, &settings)
}

fn parameter<'d>(operation: &'d Json, name: &str) -> &'d Json {
    let parameters = operation["parameters"].as_array().unwrap();
    let found = parameters
        .iter()
        .find(|parameter| parameter["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {operation:#}"))
}

#[test]
fn rules_become_operations() {
    let document = openapi(&json!({}));
    assert_eq!(
        document["info"],
        json!({ "title": "shop.v2.Shop", "version": "v2" })
    );
    assert_eq!(document["tags"][0]["description"], "Things for sale.");
    let paths = document["paths"].as_object().unwrap();
    let names: Vec<_> = paths.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "/v2/object",
            "/v2/raw",
            "/v2/shelves/{name_2}/things/{name_4}",
            "/v2/things/{id}",
            "/v2/things:send",
            "/v2/{name}:watch",
        ]
    );
    let things = &paths["/v2/things/{id}"];
    assert_eq!(things["get"]["summary"], "One thing.");
    assert_eq!(things["get"]["x-grpc-method"], "shop.v2.Shop.Get");
    assert_eq!(things["put"]["deprecated"], true);
    assert_eq!(
        things["x-additional-operations"]["LINK"]["x-grpc-method"],
        "shop.v2.Shop.Get"
    );
    for method in ["delete", "head", "options", "patch", "post", "trace"] {
        assert_eq!(
            things[method]["x-grpc-method"], "shop.v2.Shop.Any",
            "{method}"
        );
    }
    assert_eq!(
        parameter(&things["post"], "id")["description"],
        "The field `name`."
    );
    assert_eq!(
        parameter(&paths["/v2/{name}:watch"]["get"], "name")["x-multi-segment"],
        true
    );
}

#[test]
fn operation_ids_are_unique() {
    let document = openapi(&json!({}));
    let ids: Vec<_> = operations(&document)
        .map(|operation| operation["operationId"].to_string())
        .collect();
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    assert_eq!(ids.len(), 14);
}

#[test]
fn parameters_are_what_the_query_binds() {
    let document = openapi(&json!({ "headers": { "x-name": "name" } }));
    let get = &document["paths"]["/v2/things/{id}"]["get"];
    let names: Vec<_> = get["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "id",
            "x-name",
            "filter.least",
            "filter.token",
            "colours",
            "counts",
            "extra",
            "first",
            "second.least",
            "second.token",
            "maybe",
        ]
    );
    assert_eq!(parameter(get, "x-name")["description"], "Its name.");
    assert_eq!(parameter(get, "counts")["style"], "deepObject");
    assert_eq!(
        parameter(get, "colours")["schema"]["items"]["$ref"],
        "#/components/schemas/shop.v2.Colour"
    );
    assert_eq!(
        parameter(get, "extra")["content"]["application/json"]["schema"]["type"],
        "object"
    );
    assert_eq!(parameter(get, "second.least").get("example"), None);
    let put = &document["paths"]["/v2/things/{id}"]["put"];
    assert_eq!(put["parameters"].as_array().unwrap().len(), 2);
}

#[test]
fn schemas_follow_the_settings() {
    let plain = openapi(&json!({}));
    let thing = &plain["components"]["schemas"]["shop.v2.Thing"];
    assert_eq!(thing["properties"]["id"]["type"], "string");
    assert_eq!(thing["properties"]["at"]["format"], "date-time");
    assert_eq!(
        thing["properties"]["parts"]["items"]["$ref"],
        "#/components/schemas/shop.v2.Thing"
    );
    let colour = &plain["components"]["schemas"]["shop.v2.Colour"];
    assert_eq!(
        *colour,
        json!({ "type": "string", "enum": ["NONE", "RED"], "description": "Colours that there are." })
    );
    let other = openapi(
        &json!({ "print": { "int64": "number", "enums": "number" }, "errors": { "statuses": { "NOT_FOUND": 410 } } }),
    );
    assert_eq!(
        other["components"]["schemas"]["shop.v2.Thing"]["properties"]["id"]["type"],
        "integer"
    );
    assert_eq!(
        other["components"]["schemas"]["shop.v2.Colour"]["enum"],
        json!([0, 1])
    );
    let error = other["components"]["responses"]["Error"]["description"]
        .as_str()
        .unwrap();
    assert!(error.contains("NOT_FOUND is 410"), "{error}");
}

#[test]
fn bodies_are_what_is_read_and_written() {
    let document = openapi(&json!({ "body": { "form": true } }));
    let keys = |json: &Json| -> Vec<String> { json.as_object().unwrap().keys().cloned().collect() };
    let content = |path: &str, method: &str| {
        document["paths"][path][method]["requestBody"]["content"].clone()
    };
    assert_eq!(
        keys(&content("/v2/things:send", "post")),
        ["application/json", "application/x-ndjson"]
    );
    assert_eq!(keys(&content("/v2/raw", "post")), ["*/*"]);
    assert_eq!(
        keys(&content("/v2/things/{id}", "put")),
        ["application/json", "application/x-www-form-urlencoded"]
    );
    let answer = |path: &str, method: &str| {
        document["paths"][path][method]["responses"]["200"]["content"].clone()
    };
    assert_eq!(
        keys(&answer("/v2/{name}:watch", "get")),
        [
            "application/json",
            "application/x-ndjson",
            "text/event-stream"
        ]
    );
    assert_eq!(
        answer("/v2/things/{id}", "post")["application/json"]["schema"]["type"],
        "object"
    );
    assert_eq!(keys(&answer("/v2/raw", "post")), ["*/*"]);
}

fn operations(document: &Json) -> impl Iterator<Item = &Json> {
    let items = document["paths"].as_object().unwrap().values();
    items
        .flat_map(|item| item.as_object().unwrap())
        .flat_map(|(key, operation)| {
            let others =
                (key == "x-additional-operations").then(|| operation.as_object().unwrap().values());
            let own = (key != "x-additional-operations").then_some(operation);
            own.into_iter().chain(others.into_iter().flatten())
        })
}

/// Each example is a request that becomes the call of its operation.
#[test]
fn examples_can_be_replayed() {
    let styles = json!({ "brackets": true, "comma-separated": true });
    let strict =
        json!({ "on-conflict": "refuse", "unknown-fields": "refuse", "unexpected": "refuse" });
    for given in [
        json!({}),
        json!({ "body": strict, "headers": { "x-name": "name" } }),
        json!({ "print": { "names": "proto", "enums": "number", "int64": "number" }, "query": styles }),
        json!({ "path": { "unregistered-verb": "refuse" }, "streams": { "dialect": "grpc-gateway" } }),
    ] {
        replay(PROTO, &given);
    }
    replay(BOOKSTORE, &json!({}));
}

fn replay(source: &str, given: &Json) {
    let transcoder = transcoder(source, given);
    let document = transcoder.document();
    for operation in operations(&document) {
        let example = &operation["x-example-request"];
        let headers = example["headers"].as_object().unwrap().iter();
        let asked = Asked {
            method: example["method"].as_str().unwrap().to_owned(),
            path_and_query: example["path"].as_str().unwrap().to_owned(),
            headers: headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().into()))
                .collect(),
            body: example["body"].as_str().map(Into::into),
        };
        let answer = transcoder.answer(&asked);
        assert_eq!(answer.get("error"), None, "{given}: {operation:#}");
        assert_eq!(
            answer["rpc"], operation["x-grpc-method"],
            "{given}: {operation:#}"
        );
    }
}

/// The parameters' own examples make the same request.
#[test]
fn examples_agree_with_their_parameters() {
    let document = openapi(&json!({}));
    let get = &document["paths"]["/v2/things/{id}"]["get"];
    let path = get["x-example-request"]["path"].as_str().unwrap();
    assert!(path.starts_with("/v2/things/1?"), "{path}");
    assert_eq!(parameter(get, "id")["example"], "1");
    for (name, text) in [
        ("filter.token", "filter.token=AQI%3D"),
        ("counts", "counts%5Bkey%5D=1"),
        ("colours", "colours=RED"),
    ] {
        assert!(parameter(get, name).get("example").is_some());
        assert!(path.contains(text), "{path}");
    }
    assert!(!path.contains("second"), "{path}");
}
