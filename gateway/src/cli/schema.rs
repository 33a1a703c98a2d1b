//! `witgate schema [gateway | routes]`: the JSON Schema of a kind of file.

use std::io::{self, Write};

use crate::config::schema;

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// `witgate.yaml`
    Gateway,
    /// `routes.d/*.yaml`
    Routes,
}

/// Writes the schema of one kind of file.
///
/// # Errors
/// When `out` cannot be written.
pub fn schema(kind: Kind, out: &mut dyn Write) -> io::Result<()> {
    let schema = match kind {
        Kind::Gateway => schema::gateway(),
        Kind::Routes => schema::route_file(),
    };
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    writeln!(out)
}
