//! ProtoJSON there and back.

use prost_reflect::{DescriptorPool, DynamicMessage};

use super::*;
use crate::settings::{Int64, PrintSettings};

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color { RED = 0; GREEN = 1; }
message All {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4;
  float f32 = 5; double f64 = 6; bool yes = 7; string text = 8; bytes raw = 9;
  Color color = 10; All inner = 11; repeated int32 list = 12; repeated All children = 13;
  map<string, int32> by_name = 14; map<int64, All> by_id = 15; map<bool, string> by_truth = 16;
  oneof choice { uint32 one = 17; string other = 18; google.protobuf.NullValue nil = 30; }
  optional int32 maybe = 19;
  google.protobuf.Any any = 20; google.protobuf.Timestamp at = 21; google.protobuf.Duration took = 22;
  google.protobuf.FieldMask mask = 23; google.protobuf.Struct object = 24; google.protobuf.Value value = 25;
  google.protobuf.ListValue values = 26; google.protobuf.Int64Value wrapped = 27;
  google.protobuf.BytesValue wrapped_bytes = 28; repeated google.protobuf.Value many = 29;
  google.protobuf.Empty empty = 31;
  string foo_bar = 32;
}
"#;

fn pool() -> DescriptorPool {
    let dir = std::env::temp_dir().join(format!("transcoder-json-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join(format!("{:?}.proto", std::thread::current().id()));
    std::fs::write(&file, PROTO).unwrap();
    let set = protox::compile([&file], [&dir]).unwrap();
    std::fs::remove_file(&file).unwrap();
    DescriptorPool::from_file_descriptor_set(set).unwrap()
}

fn options(refuse_unknown: bool) -> ReadOptions {
    ReadOptions {
        bounds: Bounds {
            depth: 8,
            fields: 50,
            array: 10,
            string: 40,
        },
        refuse_unknown,
        any_case_enums: false,
    }
}

fn read(text: &str) -> Result<DynamicMessage, JsonError> {
    let descriptor = pool().get_message_by_name("t.All").unwrap();
    Reader::new(text.as_bytes(), &options(false))?.message(&descriptor)
}

fn print_options() -> PrintOptions {
    PrintOptions::new(&PrintSettings::default(), 64)
}

fn print(message: &DynamicMessage, options: PrintOptions) -> String {
    let mut printer = Printer::new(options);
    printer.message(message).unwrap();
    printer.finish()
}

/// Reads, and prints in the canonical way.
fn canonical(text: &str) -> String {
    match read(text) {
        Ok(message) => print(&message, print_options()),
        Err(error) => panic!("{text}: {}", error.refusal(text.as_bytes()).message),
    }
}

fn refused(text: &str) -> String {
    match read(text) {
        Ok(message) => panic!("{text} was read as {}", print(&message, print_options())),
        Err(error) => error.refusal(text.as_bytes()).message,
    }
}

#[test]
fn canonical_texts_come_back() {
    for text in [
        "{}",
        r#"{"i32":-1,"i64":"9223372036854775807","u32":4294967295,"u64":"18446744073709551615","f32":1.5,"f64":-2.5e-8,"yes":true,"text":"x","raw":"AQI=","color":"GREEN"}"#,
        r#"{"inner":{"inner":{}},"list":[1,2],"children":[{},{"i32":1}]}"#,
        r#"{"byName":{"a":1,"b":2},"byId":{"-1":{},"7":{"text":"x"}},"byTruth":{"false":"n","true":"y"}}"#,
        r#"{"one":0,"maybe":0}"#,
        r#"{"f32":"NaN","f64":"-Infinity"}"#,
        r#"{"at":"1970-01-01T00:00:00Z","took":"-1.500s","mask":"fooBar,baz.quux"}"#,
        r#"{"object":{"a":[1,null,{"b":"c"}]},"value":null,"values":[true],"wrapped":"0","wrappedBytes":"","many":[null,1],"empty":{}}"#,
        r#"{"nil":null}"#,
        r#"{"any":{"@type":"type.googleapis.com/t.All","i32":5}}"#,
        r#"{"any":{"@type":"x/google.protobuf.Any","value":{"@type":"x/google.protobuf.Int64Value","value":"5"}}}"#,
        r#"{"any":{}}"#,
        r#"{"any":{"@type":"x/google.protobuf.Empty"}}"#,
        r#"{"color":7}"#,
    ] {
        assert_eq!(canonical(text), text);
    }
}

#[test]
fn what_is_lenient_is_what_protojson_says() {
    for (text, canonical_text) in [
        (r#" { "i32" : "1" } "#, r#"{"i32":1}"#),
        (
            r#"{"i32":1e5,"u32":"4.294967295e9"}"#,
            r#"{"i32":100000,"u32":4294967295}"#,
        ),
        (
            r#"{"i64":9223372036854774784}"#,
            r#"{"i64":"9223372036854774784"}"#,
        ),
        (r#"{"foo_bar":"x"}"#, r#"{"fooBar":"x"}"#),
        (
            r#"{"i32":null,"list":null,"byName":null,"wrapped":null}"#,
            "{}",
        ),
        (r#"{"one":null,"other":"x"}"#, r#"{"other":"x"}"#),
        (r#"{"color":1}"#, r#"{"color":"GREEN"}"#),
        (r#"{"raw":"-_"}"#, r#"{"raw":"+w=="}"#),
        (
            r#"{"text":"\u8c37\uD83D\uDE01\u0000"}"#,
            "{\"text\":\"谷😁\\u0000\"}",
        ),
        (r#"{"byId":{"\u0031":{}}}"#, r#"{"byId":{"1":{}}}"#),
        (
            r#"{"any":{"i32":5,"@type":"/t.All"}}"#,
            r#"{"any":{"@type":"/t.All","i32":5}}"#,
        ),
        (r#"{"mask":""}"#, r#"{"mask":""}"#),
        (r#"{"nobody":{"a":[1,{}],"b":null}}"#, "{}"),
    ] {
        assert_eq!(canonical(text), canonical_text);
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "1",
        "Invalid",
        "{",
        "}",
        "{}{}",
        "{},",
        "{} x",
        "{i32: 1}",
        "{'i32':1}",
        r#"{"i32":1,}"#,
        r#"{,"i32":1}"#,
        r#"{"i32" 1}"#,
        r#"{"i32":1 "i64":2}"#,
        r#"{"i32":01}"#,
        r#"{"i32":+1}"#,
        r#"{"i32":.5}"#,
        r#"{"i32":1.}"#,
        r#"{"f64":NaN}"#,
        r#"{"yes":True}"#,
        r#"{"yes":truex}"#,
        r#"{"list":[1,]}"#,
        r#"{"list":[,1]}"#,
        r#"{"list":[1 2]}"#,
        "{\"text\":\"a\nb\"}",
        r#"{"text":"\x"}"#,
        r#"{"text":"\uD800"}"#,
        r#"{"text":"\uDC00"}"#,
        r#"{"text":"\uDE01\uD83D"}"#,
        r#"{"text":"\u12"}"#,
        r#"{"text":"#,
        "{\n // c\n \"i32\": 1}",
        "\u{feff}{}",
        r#"{"nobody":[1,}"#,
    ] {
        refused(text);
    }
    let descriptor = pool().get_message_by_name("t.All").unwrap();
    let text = b"{\"text\":\"\xFF\"}";
    assert!(
        Reader::new(text, &options(false))
            .and_then(|reader| reader.message(&descriptor))
            .is_err()
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    for text in [
        r#"{"i32":2147483648}"#,
        r#"{"u32":-1}"#,
        r#"{"u64":"18446744073709551616"}"#,
        r#"{"i32":0.5}"#,
        r#"{"i32":"1 "}"#,
        r#"{"i32":""}"#,
        r#"{"i32":true}"#,
        r#"{"i32":[]}"#,
        r#"{"yes":1}"#,
        r#"{"yes":"true"}"#,
        r#"{"f64":-1.89769e+308}"#,
        r#"{"f32":3.5e38}"#,
        r#"{"f64":"inf"}"#,
        r#"{"f64":""}"#,
        r#"{"text":1}"#,
        r#"{"raw":"!!!"}"#,
        r#"{"raw":1}"#,
        r#"{"color":"BLUE"}"#,
        r#"{"color":1.5}"#,
        r#"{"color":true}"#,
        r#"{"inner":[]}"#,
        r#"{"inner":"x"}"#,
        r#"{"list":1}"#,
        r#"{"list":[1,null]}"#,
        r#"{"children":[null]}"#,
        r#"{"byName":{"a":null}}"#,
        r#"{"byName":[]}"#,
        r#"{"byId":{"x":{}}}"#,
        r#"{"byTruth":{"1":""}}"#,
        r#"{"at":"2000-01-01"}"#,
        r#"{"at":1}"#,
        r#"{"took":"1"}"#,
        r#"{"mask":"foo_bar"}"#,
        r#"{"any":{"@type":"x/t.Nobody"}}"#,
        r#"{"any":{"@type":"t.All"}}"#,
        r#"{"any":{"i32":1}}"#,
        r#"{"any":{"@type":"x/google.protobuf.Int64Value"}}"#,
        r#"{"object":1}"#,
        r#"{"values":{}}"#,
    ] {
        refused(text);
    }
}

#[test]
fn nothing_comes_twice() {
    for text in [
        r#"{"i32":1,"i32":1}"#,
        r#"{"foo_bar":"x","fooBar":"x"}"#,
        r#"{"fooBar":null,"foo_bar":"x"}"#,
        r#"{"nobody":1,"nobody":1}"#,
        r#"{"nobody":{"a":1,"a":2}}"#,
        r#"{"byName":{"a":1,"a":2}}"#,
        r#"{"byId":{"1":{},"\u0031":{}}}"#,
        r#"{"object":{"a":1,"a":2}}"#,
        r#"{"one":1,"other":"x"}"#,
        r#"{"other":"x","nil":null}"#,
        r#"{"any":{"@type":"x/t.All","@type":"x/t.All"}}"#,
    ] {
        refused(text);
    }
}

#[test]
fn errors_say_where_and_what_would_be_right() {
    let message = refused("{\n  \"children\": [{}, {\"color\": \"Green\"}]\n}");
    assert_eq!(
        message,
        "children[1].color: invalid value \"Green\" for type t.Color: expected one of RED, GREEN \
         (line 2, column 30, at /children/1/color)"
    );
    let descriptor = pool().get_message_by_name("t.All").unwrap();
    let text = br#"{"byName":{"a/b":1},"nobody":1}"#;
    let error = Reader::new(text, &options(true))
        .unwrap()
        .message(&descriptor)
        .unwrap_err();
    assert_eq!(error.pointer(), "/nobody");
}

#[test]
fn bounds_hold() {
    for (text, bound) in [
        (
            r#"{"inner":{"inner":{"inner":{"inner":{"inner":{"inner":{"inner":{"inner":{}}}}}}}}}"#,
            "levels",
        ),
        (r#"{"nobody":[[[[[[[[[[[[]]]]]]]]]]]]}"#, "levels"),
        (r#"{"list":[1,2,3,4,5,6,7,8,9,10,11]}"#, "10 elements"),
        (
            r#"{"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
            "40 bytes",
        ),
        (
            r#"{"text":"\taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
            "40 bytes",
        ),
    ] {
        let message = refused(text);
        assert!(message.contains(bound), "{message}");
    }
    let rows = ["[1,2,3,4,5,6,7,8,9]"; 6].join(",");
    assert!(refused(&format!("{{\"nobody\":[{rows}]}}")).contains("50 members"));
}

#[test]
fn print_options_are_heeded() {
    let message =
        read(r#"{"i64":"9007199254740991","u64":"9007199254740992","color":1,"fooBar":"x"}"#)
            .unwrap();
    let mut options = print_options();
    options.int64 = Int64::NumberIfSafe;
    options.proto_names = true;
    options.enum_numbers = true;
    assert_eq!(
        print(&message, options),
        r#"{"i64":9007199254740991,"u64":"9007199254740992","color":1,"foo_bar":"x"}"#
    );
    let mut options = print_options();
    options.whitespace = true;
    let message = read(r#"{"list":[1],"inner":{}}"#).unwrap();
    assert_eq!(
        print(&message, options),
        "{\n \"inner\": {},\n \"list\": [\n  1\n ]\n}"
    );
    options.whitespace = false;
    options.defaults = true;
    let text = print(&read("{}").unwrap(), options);
    assert!(text.starts_with(r#"{"i32":0,"i64":"0","u32":0"#), "{text}");
    assert!(
        text.contains(r#""list":[],"children":[],"byName":{}"#),
        "{text}"
    );
    assert!(
        !text.contains("maybe") && !text.contains("inner") && !text.contains("wrapped\""),
        "{text}"
    );
}

#[test]
fn what_json_cannot_say_is_an_error() {
    let pool = pool();
    let descriptor = pool.get_message_by_name("t.All").unwrap();
    // 21: a timestamp with nanos of -1; 25: a value that is NaN; 23: a mask that is not in snake case.
    for bytes in [
        &b"\xAA\x01\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..],
        &b"\xCA\x01\x09\x11\x00\x00\x00\x00\x00\x00\xf8\x7f"[..],
        &b"\xBA\x01\x08\x0a\x06fooBar"[..],
    ] {
        let message = DynamicMessage::decode(descriptor.clone(), bytes).unwrap();
        assert!(
            Printer::new(print_options()).message(&message).is_err(),
            "{message:?}"
        );
    }
    let mut options = print_options();
    options.depth = 2;
    let message = read(r#"{"inner":{"inner":{}}}"#).unwrap();
    assert!(Printer::new(options).message(&message).is_err());
}
