//! Components that are not let in, and configurations that are refused.

use super::*;
use crate::config::problem::Severity;

/// The one problem of loading this file.
fn refused(bytes: &[u8]) -> Problem {
    let bed = Bed::new();
    let file = bed.folder.path().join("p.wasm");
    fs::write(file, bytes).unwrap();
    let loaded = bed.write("  p: { component: p.wasm }", "[]");
    let mut problems = bed.plugins(&loaded, None).unwrap_err();
    assert_eq!(problems.len(), 1);
    let problem = problems.remove(0);
    assert_eq!((problem.severity, problem.span.line), (Severity::Error, 3));
    assert_eq!(problem.span.column, 19, "at the name of the file");
    problem
}

fn component_text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn what_is_no_plugin() {
    let says = |bytes: &[u8], what: &str| {
        let problem = refused(bytes);
        assert!(problem.message.contains(what), "{}", problem.message);
        problem.hint.unwrap_or_default()
    };
    says(b"", "the file is empty");
    says(b"#!/bin/sh", "the file is not WebAssembly");
    says(b"\0as", "the file is not WebAssembly");
    let hint = says(
        &component_text("(module)"),
        "a core module, not a component",
    );
    assert!(hint.contains("wasm32-wasip2"));
    let mut broken = fs::read(component("hostile")).unwrap();
    broken.truncate(broken.len() / 2);
    says(&broken, "the component is not valid");
    says(&component_text("(component)"), "of another world");
    let other =
        r#"(component (instance $i) (export "wasi:http/incoming-handler@0.2.0" (instance $i)))"#;
    says(
        &component_text(other),
        "it exports `wasi:http/incoming-handler@0.2.0`",
    );
    for version in ["0.2.0", "1.0.0", "0.1.7"] {
        let newer = format!(
            r#"(component (instance $i) (export "witgate:plugin/policy@{version}" (instance $i)))"#
        );
        let hint = says(
            &component_text(&newer),
            &format!("made for `witgate:plugin@{version}`; this gateway speaks 0.1.0"),
        );
        assert!(hint.contains("newer witgate"), "{hint}");
    }
    let empty = r#"(component (instance $i) (export "witgate:plugin/policy@0.1.0" (instance $i)))"#;
    says(&component_text(empty), "has no function");
    let strange = r#"(component
        (import "acme:db/sql@1.0.0" (instance (export "query" (func))))
        (instance $i) (export "witgate:plugin/policy@0.1.0" (instance $i)))"#;
    says(
        &component_text(strange),
        "imports `acme:db/sql@1.0.0`, which this gateway does not offer",
    );
}

/// A component whose core module does this when it is started; as a plugin, its functions have wrong types.
fn starting(deed: &str) -> Vec<u8> {
    let policy = "witgate:plugin/policy@0.1.0";
    component_text(&format!(
        r#"(component
            (core module $m
                (table 1 funcref)
                (memory 1)
                (func (export "f"))
                (func $start {deed})
                (start $start))
            (core instance $m (instantiate $m))
            (func $f (canon lift (core func $m "f")))
            (type $config' (resource (rep i32)))
            (component $policy
                (import "f" (func $f))
                (import "r" (type $r (sub resource)))
                (export "config" (type $r))
                (export "[static]config.parse" (func $f))
                (export "[static]config.schema" (func $f)))
            (instance $policy (instantiate $policy (with "f" (func $f)) (with "r" (type $config'))))
            (export "{policy}" (instance $policy)))"#
    ))
}

#[test]
fn a_component_that_cannot_be_started() {
    let grow = |what: &str| {
        format!(
            "(loop $more (br_if $more (i32.ne (i32.const -1) ({what} (i32.const 1)))) (unreachable))"
        )
    };
    let table = grow("table.grow 0 (ref.null func)");
    for (deed, what) in [
        ("", "does not fit the world"),
        ("unreachable", "trapped"),
        (&table, "`limits.memory` or `limits.table`"),
        (&grow("memory.grow"), "`limits.memory` or `limits.table`"),
    ] {
        let problem = refused(&starting(deed));
        assert!(problem.message.contains(what), "{}", problem.message);
        let hint = problem.hint.is_some_and(|hint| hint.contains("raise"));
        assert_eq!(hint, what.contains("limits"));
    }
}

#[test]
fn a_missing_file() {
    let bed = Bed::new();
    let loaded = bed.write("  p: { component: nowhere.wasm }", "[]");
    let problems = bed.plugins(&loaded, None).unwrap_err();
    assert!(
        problems[0].message.contains("cannot be read"),
        "{}",
        problems[0].message
    );
}

#[test]
fn an_import_needs_a_grant() {
    let bed = Bed::new();
    let component = component("hostile");
    let plugins = format!("  p: {{ component: {} }}", component.display());
    let loaded = bed.write(&plugins, "[]");
    let problem = bed.plugins(&loaded, None).unwrap_err().remove(0);
    assert!(
        problem
            .message
            .contains("imports `metrics`, which it was not granted"),
        "{}",
        problem.message
    );
    assert!(
        problem
            .hint
            .unwrap()
            .contains("add `metrics` to its `grants`")
    );
}

#[test]
fn names_are_looked_up_and_missed() {
    let bed = Bed::new();
    let loaded = bed.write(&hostile(""), "[hostil]");
    let plugins = bed.plugins(&loaded, None).unwrap();
    let problem = bed.chain(&loaded, &plugins).unwrap_err().remove(0);
    assert_eq!(problem.message, "no plugin is called `hostil`");
    assert_eq!(
        problem.hint.unwrap(),
        "did you mean `hostile`? (installed: hostile)"
    );
    assert_eq!((problem.span.line, problem.span.column), (4, 15));
}

#[test]
fn configurations_are_judged_at_their_place() {
    let place = |chain: &str| {
        let bed = Bed::new();
        let loaded = bed.write(&hostile(""), chain);
        let plugins = bed.plugins(&loaded, None).unwrap();
        let problem = bed.chain(&loaded, &plugins).unwrap_err().remove(0);
        (problem.span.column, problem.message)
    };
    let (column, message) = place("[{ hostile: { most: 1, on-parse: fail } }]");
    assert_eq!(
        (column, &*message),
        (47, "plugin `hostile`: `fail` fails; write something else")
    );
    let (column, message) = place("[{ hostile: { most: many } }]");
    assert_eq!(column, 34, "{message}");
    let (_, message) = place("[{ hostile: { on-parse: trap } }]");
    assert!(message.contains("trapped"), "{message}");
}

#[test]
fn a_schema_travels_with_the_component() {
    let bed = Bed::new();
    let loaded = bed.write(&hostile(""), "[]");
    let plugins = bed.plugins(&loaded, None).unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(plugins.get("hostile").unwrap().schema()).unwrap();
    assert!(schema["properties"]["most"].is_object(), "{schema}");
}
