//! Messages as cases write them, `Shelf{int64 id; string theme}`, as the text of a .proto.

use std::fmt::Write as _;

/// What a case says about the request's message.
pub(crate) struct Schema {
    /// The type's name, as it is written in the .proto below.
    pub(crate) input: String,
    /// Definitions for it.
    pub(crate) definitions: String,
}

/// `needed` are paths of fields that the message must have, and their types; what the prose does not tell of is
/// added. If the rule's `body` is named as the message of the prose is, the prose tells of that field.
pub(crate) fn schema(prose: &str, body: &str, needed: &[(String, String)]) -> Schema {
    let prose = prose.split(" (").next().unwrap_or_default().trim();
    let prose = prose.strip_suffix(" as the whole request").unwrap_or(prose);
    if let Some(known) = whole_type(prose) {
        return Schema {
            input: known,
            definitions: String::new(),
        };
    }
    let fields = match prose.find(['{', ';', ' ']) {
        Some(at) if prose[at..].starts_with('{') && prose[..at].to_lowercase() == body => {
            &format!("{} {body}{}", &prose[..at], &prose[at..])
        }
        // `Shelf{...}`: the name of the message itself says nothing.
        Some(at) if prose[at..].starts_with('{') && !is_enum(inside(&prose[at..])) => {
            inside(&prose[at..])
        }
        _ => prose,
    };
    let mut message = Message::default();
    for field in split(fields) {
        message.field(field.trim());
    }
    for (path, kind) in needed {
        message.add(path, kind, None);
    }
    let mut definitions = String::new();
    message.write("In", &mut definitions);
    Schema {
        input: String::from("In"),
        definitions,
    }
}

/// One name alone.
fn whole_type(prose: &str) -> Option<String> {
    match prose {
        "nested three deep" => Some(known("Proto3Message")),
        _ if prose.contains([' ', '{']) || prose.is_empty() => None,
        _ => Some(known(prose)),
    }
}

fn known(name: &str) -> String {
    match name {
        "double" | "float" | "int32" | "int64" | "uint32" | "uint64" | "sint32" | "sint64"
        | "fixed32" | "fixed64" | "sfixed32" | "sfixed64" | "bool" | "string" | "bytes" => {
            name.to_owned()
        }
        "Any" | "Duration" | "Empty" | "FieldMask" | "ListValue" | "NullValue" | "Struct"
        | "Timestamp" | "Value" | "BoolValue" | "BytesValue" | "DoubleValue" | "FloatValue"
        | "Int32Value" | "Int64Value" | "StringValue" | "UInt32Value" | "UInt64Value" => {
            format!("google.protobuf.{name}")
        }
        "HttpBody" => String::from("google.api.HttpBody"),
        "Msg" => known("Proto3Message"),
        _ if name.contains('.') => name.to_owned(),
        _ => format!("known.{name}"),
    }
}

/// A message or an enum, in the order in which it is written.
#[derive(Default)]
struct Message {
    fields: Vec<(String, String)>,
    types: Vec<(String, Type)>,
    oneofs: Vec<(String, Vec<(String, String)>)>,
}

enum Type {
    Message(Message),
    /// `A=0;B=1`.
    Enum(String),
}

impl Message {
    /// `repeated Book books{...}`, `string first,last`, `oneof kind{...}`, `enum E{...} path.of.field`.
    fn field(&mut self, text: &str) {
        let end = text.rfind('}').unwrap_or(0);
        let (text, options) = match text[end..].find(" [") {
            Some(at) => (&text[..end + at], text[end + at..].to_owned()),
            None => (text, String::new()),
        };
        let (head, braces) = match text.find('{') {
            Some(at) => (&text[..at], Some(inside(&text[at..]))),
            None => (text, None),
        };
        let words: Vec<_> = head.split_whitespace().collect();
        match (words.as_slice(), braces) {
            (["oneof", name], Some(members)) => self.oneof(name, members),
            (["enum", name], Some(values)) => {
                let path = text[text.rfind('}').unwrap_or(0) + 1..].trim();
                self.add(path, name, Some(values));
            }
            // An enum of a field that has its name.
            ([name], Some(values)) if is_enum(values) => {
                let field = (name.to_lowercase(), String::new());
                self.typed("", name, &field.0, Some(values), &options);
            }
            ([name], Some(fields)) => {
                self.typed("", &capitalized(name), name, Some(fields), &options)
            }
            ([label @ ("repeated" | "optional"), kind, names], braces) => {
                self.typed(label, kind, names, braces, &options);
            }
            ([kind, names], braces) => self.typed("", kind, names, braces, &options),
            _ => panic!("a field is written as `type name`, not `{text}`"),
        }
    }

    fn typed(&mut self, label: &str, kind: &str, names: &str, braces: Option<&str>, options: &str) {
        let kind = self.define(kind, braces);
        for name in names.split(',') {
            let name = name.split('=').next().unwrap_or_default();
            self.fields
                .push((format!("{label} {kind} {name}"), options.to_owned()));
        }
    }

    fn oneof(&mut self, name: &str, members: &str) {
        let mut inner = Self::default();
        for member in split(members) {
            inner.field(member.trim());
        }
        self.types.extend(inner.types);
        self.oneofs.push((name.to_owned(), inner.fields));
    }

    /// Defines a type if it is told what is in it; types have names of their own, so as not to meet fields'.
    fn define(&mut self, kind: &str, braces: Option<&str>) -> String {
        let known_already = known(kind).starts_with("google.");
        let own = format!("T{kind}");
        match braces.filter(|_| !known_already) {
            Some(values) if is_enum(values) => {
                self.types
                    .push((own.clone(), Type::Enum(values.to_owned())));
                own
            }
            Some(fields) => {
                let mut message = Self::default();
                for field in split(fields) {
                    message.field(field.trim());
                }
                self.types.push((own.clone(), Type::Message(message)));
                own
            }
            None => known(kind),
        }
    }

    /// Adds the field at the path, unless it is there; with the values of an enum, if it is one.
    fn add(&mut self, path: &str, kind: &str, values: Option<&str>) {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let oneofs = self.oneofs.iter().flat_map(|(_, members)| members);
        let known = self
            .fields
            .iter()
            .chain(oneofs)
            .find_map(|(declaration, _)| {
                let (kind, known) = declaration.trim().rsplit_once(' ')?;
                (known == name).then(|| kind.to_owned())
            });
        let inner = match (&known, rest) {
            (None, Some(_)) => {
                let inner = format!("T_{name}");
                self.fields
                    .push((format!(" {inner} {name}"), String::new()));
                self.types
                    .push((inner.clone(), Type::Message(Self::default())));
                inner
            }
            (None, None) => return self.typed("", kind, name, values, ""),
            (Some(kind), _) => kind.clone(),
        };
        let message = self.types.iter_mut().find(|(known, _)| *known == inner);
        if let (Some(rest), Some((_, Type::Message(message)))) = (rest, message) {
            message.add(rest, kind, values);
        }
    }

    fn write(&self, name: &str, out: &mut String) {
        let _ = write!(out, "message {name} {{ ");
        for (name, kind) in &self.types {
            match kind {
                Type::Message(message) => message.write(name, out),
                Type::Enum(values) => {
                    let _ = write!(out, "enum {name} {{ {}; }} ", values.trim_end_matches(';'));
                }
            }
        }
        let mut numbers = 1..;
        let mut field = |(declaration, options): &(String, String)| {
            format!(
                "{declaration} = {}{options}; ",
                numbers.next().unwrap_or_default()
            )
        };
        let fields: String = self.fields.iter().map(&mut field).collect();
        out.push_str(&fields);
        for (name, members) in &self.oneofs {
            let members: String = members.iter().map(&mut field).collect();
            let _ = write!(out, "oneof {name} {{ {members}}} ");
        }
        out.push_str("} ");
    }
}

/// Whether this is `A=0;B=1`.
fn is_enum(inside: &str) -> bool {
    let first = inside.split(';').next().unwrap_or_default();
    first.contains('=') && !first.trim().contains(' ')
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// What stands between the first brace and the one that closes it.
fn inside(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        depth == 0
    });
    text.get(1..end.unwrap_or(text.len())).unwrap_or_default()
}

/// At semicolons outside of braces.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let at_end = move |letter: char| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ';' && depth == 0
    };
    text.split(at_end).filter(|field| !field.trim().is_empty())
}
