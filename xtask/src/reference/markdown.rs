//! A JSON Schema as tables for people: one for each object, in the order in which they are first spoken of.

use serde_json::{Map, Value};

/// The schema of one kind of file.
pub(super) fn of(schema: &Value, title: &str) -> String {
    let mut page = Page {
        schema,
        sections: vec![],
        text: String::new(),
    };
    page.section(title, "##", schema);
    let mut next = 0;
    while let Some(name) = page.sections.get(next).cloned() {
        page.section(&words(&name), "###", &schema["$defs"][name.as_str()]);
        next += 1;
    }
    page.text
}

struct Page<'a> {
    schema: &'a Value,
    /// Definitions that were spoken of.
    sections: Vec<String>,
    text: String,
}

impl Page<'_> {
    fn section(&mut self, title: &str, level: &str, object: &Value) {
        self.text += &format!("\n{level} {title}\n\n");
        let about = description(object);
        // The root's own description is its file's name once more.
        if level == "###" && !about.is_empty() {
            self.text += &format!("{about}\n\n");
        }
        let none = Map::new();
        let properties = object["properties"].as_object().unwrap_or(&none);
        let required = object["required"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        self.text += "| key | value | |\n|---|---|---|\n";
        for (name, property) in properties {
            let must = if required.iter().any(|required| required == name) {
                "Required. "
            } else {
                ""
            };
            let row = format!(
                "| `{name}` | {} | {must}{} |\n",
                self.value(property),
                cell(&description(property))
            );
            self.text += &row;
        }
    }

    /// What may be written, in a few words.
    fn value(&mut self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|to| to.strip_prefix("#/$defs/"))
        {
            return self.definition(name);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[key].as_array() {
                let choices = choices.iter().filter(|choice| choice["type"] != "null");
                let mut values = choices.map(|choice| self.value(choice)).collect::<Vec<_>>();
                values.dedup();
                return values.join(" or ");
            }
        }
        if let Some(value) = schema["const"].as_str() {
            return format!("`{value}`");
        }
        if let Some(values) = schema["enum"].as_array() {
            let values = values
                .iter()
                .filter_map(Value::as_str)
                .map(|value| format!("`{value}`"));
            return values.collect::<Vec<_>>().join(" or ");
        }
        match kind(schema) {
            "array" => format!("list of {}", self.value(&schema["items"])),
            "object" if schema["additionalProperties"].is_object() => {
                format!("by name: {}", self.value(&schema["additionalProperties"]))
            }
            "object" => "mapping".into(),
            "integer" => "number".into(),
            "boolean" => "`true` or `false`".into(),
            "string" => "text".into(),
            _ => "anything".into(),
        }
    }

    fn definition(&mut self, name: &str) -> String {
        let schema = self.schema;
        let definition = &schema["$defs"][name];
        match name {
            "Duration" => return "duration".into(),
            "ByteSize" => return "size".into(),
            _ => {}
        }
        if definition["properties"].is_object() {
            if !self.sections.iter().any(|known| known == name) {
                self.sections.push(name.into());
            }
            let title = words(name);
            return format!("[{title}](#{})", title.replace(' ', "-"));
        }
        self.value(definition)
    }
}

fn kind(schema: &Value) -> &str {
    let kinds = &schema["type"];
    let named = |kind: &&Value| *kind != "null";
    kinds
        .as_str()
        .or_else(|| kinds.as_array()?.iter().find(named)?.as_str())
        .unwrap_or_default()
}

fn description(schema: &Value) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// `PluginLimits` as words: `plugin limits`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn objects_become_tables_that_lead_to_each_other() {
        let schema = json!({
            "properties": {
                "a": { "description": "One | two.\nDefault: 1.", "anyOf": [{ "$ref": "#/$defs/InnerPart" }, { "type": "null" }] },
                "b": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["b"],
            "$defs": { "InnerPart": { "description": "Inner.", "properties": { "c": { "type": ["integer", "null"] } } } },
        });
        let text = super::of(&schema, "`file`");
        assert!(
            text.contains("| `a` | [inner part](#inner-part) | One \\| two. Default: 1. |"),
            "{text}"
        );
        assert!(
            text.contains("| `b` | list of text | Required.  |"),
            "{text}"
        );
        assert!(
            text.contains(
                "### inner part\n\nInner.\n\n| key | value | |\n|---|---|---|\n| `c` | number |  |"
            ),
            "{text}"
        );
    }
}
