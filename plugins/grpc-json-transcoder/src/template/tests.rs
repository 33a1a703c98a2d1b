use super::*;

fn template(source: &str) -> Template {
    Template::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn shape(source: &str) -> String {
    let template = template(source);
    let segments: Vec<_> = template
        .segments()
        .iter()
        .map(ToString::to_string)
        .collect();
    format!("{}:{}", segments.join(" "), template.verb())
}

fn spans(source: &str) -> Vec<(String, usize, isize)> {
    let template = template(source);
    let span = |variable: &Variable| {
        let end = template.end_from_right(variable);
        let end = end.unwrap_or_else(|| variable.end.try_into().unwrap());
        (variable.field.clone(), variable.start, end)
    };
    template.variables().iter().map(span).collect()
}

#[test]
fn variables_become_segments() {
    assert_eq!(shape("/"), ":");
    assert_eq!(
        shape("/v1/{name=shelves/*/books/*}:read"),
        "v1 shelves * books *:read"
    );
    assert_eq!(shape("/{x.y=**}:a:b"), "**:a:b");
    assert_eq!(shape("/a/**/b/c"), "a ** b c:");
    assert_eq!(
        spans("/v1/{a}/{b.c=x/*/**}/z"),
        [("a".into(), 1, 2), ("b.c".into(), 2, -2)]
    );
}

#[test]
fn literals_are_in_normal_form() {
    assert_eq!(shape("/%66oo/a%2fb/%2A"), "foo a%2Fb %2A:");
    assert_eq!(normal("%7e%2f%zz%"), "~%2F%zz%");
    assert_eq!(normal("\u{e4}%C3%a4"), "\u{e4}%C3%A4");
}

#[test]
fn errors_point_to_their_column() {
    for (source, column, part) in [
        ("", 1, "begins with `/`"),
        ("v1/x", 1, "begins with `/`"),
        ("/a//b", 4, "segment is missing"),
        ("/a/", 4, "segment is missing"),
        ("/:go", 2, "segment is missing"),
        ("/a:", 4, "verb is missing"),
        ("/a:b/c", 5, "very end"),
        ("/{}", 3, "name of a field"),
        ("/{a.}", 5, "name of a field"),
        ("/{1a}", 3, "name of a field"),
        ("/{a-b}", 4, "`-` cannot stand"),
        ("/{a=/b}", 5, "does not capture"),
        ("/{a={b}}", 5, "in another one"),
        ("/{a=b:c}", 6, "not in a variable"),
        ("/{a", 4, "`}` is missing"),
        ("/{a}/{a}", 7, "already bound"),
        ("/{a}b", 5, "whole segment"),
        ("/b{a}", 3, "whole segment"),
        ("/***", 4, "nothing longer"),
        ("/**/*", 5, "only literals"),
        ("/**/{a}", 5, "no variable"),
        ("/a%2", 3, "hexadecimal"),
        ("/a b", 3, "percent-encoded"),
        ("/\u{e4}\u{f6}", 2, "percent-encoded"),
        ("/a?b", 3, "no query"),
        ("/a}", 3, "closes nothing"),
    ] {
        let error = Template::parse(source).expect_err(source);
        assert_eq!(error.column, column, "{source}: {error}");
        assert!(error.message.contains(part), "{source}: {error}");
    }
}

#[test]
fn long_templates_are_refused() {
    let source = "/x".repeat(129);
    assert!(Template::parse(&source).is_err());
}

#[test]
fn captures_are_parts_of_the_path() {
    for (source, path, captures) in [
        ("/v1/{a}/b/{c=x/*}", "/v1/one/b/x/two", vec!["one", "x/two"]),
        ("/v1/{a=**}", "/v1", vec![""]),
        ("/v1/{a=**}", "/v1/", vec![""]),
        ("/v1/{a=**}", "/v1/x//y/", vec!["x//y/"]),
        ("/v1/{a=o/**}", "/v1/o", vec!["o"]),
        ("/v1/{a=o/**/x}/y/z", "/v1/o/p/q/x/y/z", vec!["o/p/q/x"]),
        ("/{a=**}/y", "/y", vec![""]),
        ("/{a}/{b=**}/y", "/q/y", vec!["q", ""]),
        ("/{a=**}", "/", vec![""]),
    ] {
        let template = template(source);
        let found: Vec<_> = template
            .variables()
            .iter()
            .map(|variable| template.capture(variable, path))
            .collect();
        assert_eq!(found, captures, "{source} on {path}");
    }
}
