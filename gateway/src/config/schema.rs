//! JSON Schemas (draft 2020-12) of the files, from the types that read them: for editors that complete and check.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::Value;

use super::raw;

/// The schema of `witgate.yaml`.
pub fn gateway() -> Schema {
    schema::<raw::Gateway>("witgate.yaml")
}

/// The schema of the files in `routes.d`.
pub fn route_file() -> Schema {
    schema::<raw::RouteFile>("A route file of witgate")
}

fn schema<T: JsonSchema>(title: &str) -> Schema {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    schema.insert("title".into(), Value::from(title));
    schema
}

#[cfg(test)]
mod tests;
