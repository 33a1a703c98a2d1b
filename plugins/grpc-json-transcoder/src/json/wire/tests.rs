//! The same text as from a message, or none.

use prost::Message as _;
use prost_reflect::{DescriptorPool, MessageDescriptor};

use super::*;
use crate::{json::PrintOptions, settings::PrintSettings, testing};

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
enum Color { option allow_alias = true; RED = 0; GREEN = 1; LIME = 1; OLD = -1; }
message All {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; sint32 s32 = 5; sint64 s64 = 6;
  fixed32 f32 = 7; fixed64 f64 = 8; sfixed32 sf32 = 9; sfixed64 sf64 = 10;
  float real = 11; double precise = 12; bool yes = 13; string text = 14; bytes raw = 15; Color color = 16;
  All inner = 17; repeated int32 list = 18; repeated All children = 19; repeated string words = 20;
  optional int32 maybe = 21; oneof choice { uint32 one = 22; string other_one = 23; }
  google.protobuf.Timestamp at = 24; google.protobuf.Int64Value wrapped = 25;
  map<string, int32> map = 26; repeated Color colors = 27 [packed = false]; google.protobuf.Value any_value = 28;
}
"#;

fn pool() -> DescriptorPool {
    testing::pool(PROTO)
}

fn descriptor() -> MessageDescriptor {
    pool().get_message_by_name("t.All").unwrap()
}

fn options() -> PrintOptions {
    PrintOptions::new(&PrintSettings::default(), 10)
}

fn directly(bytes: &[u8], options: PrintOptions) -> Option<String> {
    let mut out = String::new();
    let printed = Shapes::of(&descriptor()).print(bytes, &options, &mut out);
    printed.is_ok().then_some(out)
}

fn through_a_message(bytes: &[u8], options: PrintOptions) -> Option<String> {
    let message = DynamicMessage::decode(descriptor(), bytes).ok()?;
    let mut printer = Printer::into_buffer(String::new(), options);
    printer.message(&message).ok()?;
    Some(printer.finish())
}

fn encoded(json: &str) -> Vec<u8> {
    let json = serde_json::from_str(json).unwrap();
    testing::message(&descriptor(), &json).encode_to_vec()
}

#[test]
fn both_ways_give_the_same() {
    for json in [
        "{}",
        r#"{"i32":-1,"i64":"-9223372036854775808","u32":4294967295,"u64":"18446744073709551615","s32":-5,"s64":"7","f32":1,"f64":"2","sf32":-3,"sf64":"-4"}"#,
        r#"{"real":0.1,"precise":-1e300,"yes":true,"text":"a\"\u0001谷","raw":"AQI=","color":"LIME"}"#,
        r#"{"real":"NaN","precise":"Infinity","color":"OLD"}"#,
        r#"{"color":99}"#,
        r#"{"inner":{"inner":{},"i32":1},"children":[{},{"text":"x"}],"list":[0,-1,2],"words":["","a"]}"#,
        r#"{"maybe":0,"one":0}"#,
        r#"{"otherOne":""}"#,
        r#"{"at":"2020-01-01T00:00:00.5Z","wrapped":"0","colors":["RED","GREEN"],"anyValue":{"b":[1,null],"a":""}}"#,
        r#"{"i64":"9007199254740991","u64":"9007199254740992"}"#,
    ] {
        let bytes = encoded(json);
        let mut variants = [options(); 4];
        variants[1].proto_names = true;
        variants[2].enum_numbers = true;
        variants[2].int64 = Int64::Number;
        variants[3].int64 = Int64::NumberIfSafe;
        for options in variants {
            let text = directly(&bytes, options);
            assert!(text.is_some(), "{json}");
            assert_eq!(text, through_a_message(&bytes, options), "{json}");
        }
    }
}

#[test]
fn what_is_regular_but_odd_is_printed_alike() {
    for bytes in [
        // A default that is there though it has no presence; one that is not known; packed where it need not be.
        &b"\x08\x00\x70\x05"[..],
        b"\x08\x00\x12\x00",
        b"\xa0\x1f\x01",
        b"\x92\x01\x00",
        b"\x92\x01\x02\x01\x02\x90\x01\x03",
        b"\x88\x01\x01",
        b"\x08\xff\xff\xff\xff\x0f",
        b"\xda\x01\x02\x00\x01",
    ] {
        let text = directly(bytes, options());
        assert!(
            text.is_none() || text == through_a_message(bytes, options()),
            "{bytes:?}"
        );
    }
}

#[test]
fn what_is_irregular_is_left_to_the_other() {
    for bytes in [
        // Out of order, twice, two of a oneof, a map, cut off, no UTF-8, a group, number 0, too long a varint.
        &b"\x18\x01\x08\x01"[..],
        b"\x08\x01\x08\x02",
        b"\xb0\x01\x01\xba\x01\x01x",
        b"\xd2\x01\x05\x0a\x01a\x10\x01",
        b"\x08",
        b"\x72\x05a",
        b"\x72\x01\xff",
        b"\xa3\x1f\xa4\x1f",
        b"\x00\x01",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
    ] {
        assert_eq!(directly(bytes, options()), None, "{bytes:?}");
    }
    let mut options = options();
    options.whitespace = true;
    assert_eq!(directly(b"", options), None);
}

#[test]
fn depth_is_bounded() {
    let mut bytes = Vec::new();
    for _ in 0..10 {
        let length = u8::try_from(bytes.len()).unwrap();
        bytes = [&[0x8a, 0x01, length][..], &bytes].concat();
    }
    assert_eq!(directly(&bytes, options()), None);
    assert!(directly(&bytes[3..], options()).is_some());
}
