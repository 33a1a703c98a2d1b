use serde_json::Value;
use witgate_plugin::testing;

use super::*;
use crate::{testing::settings, transcoder::Transcoder};

#[test]
fn what_is_not_written_has_its_default() {
    let settings = settings(&serde_json::json!({}));
    assert!(settings.check().is_empty());
    assert!(settings.query.plus_is_space && settings.body.patch_field_mask);
    assert_eq!(settings.query.unknown, UnknownParameters::Refuse);
    assert_eq!(settings.path.keep_escaped, EscapedReserved::Slash);
    assert_eq!(settings.body.on_conflict, Conflict::Path);
    assert_eq!(settings.limits.depth, 64);
}

#[test]
fn every_key_is_documented_and_no_other_taken() {
    let schema: Value = serde_json::from_str(&testing::schema::<Transcoder>()).unwrap();
    let definitions = schema["$defs"].as_object().unwrap().values();
    let mut keys = 0;
    for object in definitions.chain([&schema]) {
        let properties = object["properties"].as_object();
        for (key, property) in properties.into_iter().flatten() {
            keys += 1;
            assert!(property["description"].is_string(), "{key}: {property}");
        }
        if properties.is_some() {
            assert_eq!(object["additionalProperties"], false, "{object}");
        }
        for value in object["oneOf"].as_array().into_iter().flatten() {
            assert!(value["description"].is_string(), "{value}");
        }
    }
    assert!(keys > 60, "{keys}");
}
