//! `witgate routes`: the compiled table in the order of matching.

use std::fmt::Write as _;

use crate::snapshot::{Row, Snapshot};

const HEADINGS: [&str; 8] = [
    "HOST",
    "PATH",
    "METHOD",
    "CONDITIONS",
    "PLUGINS",
    "ACTION",
    "ROUTE",
    "WRITTEN AT",
];

/// As aligned columns.
pub fn render(snapshot: &Snapshot) -> String {
    let rows: Vec<[String; 8]> = snapshot.rows().into_iter().map(cells).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    write_line(&mut out, &HEADINGS, &widths);
    for row in &rows {
        write_line(&mut out, row, &widths);
    }
    out
}

fn cells(row: Row) -> [String; 8] {
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
    [
        row.host,
        row.path,
        row.method,
        or_dash(row.conditions),
        or_dash(row.plugins.join(",")),
        row.action,
        row.name,
        format!("{}:{}", row.file, row.line),
    ]
}

fn write_line(out: &mut String, cells: &[impl AsRef<str>], widths: &[usize]) {
    let start = out.len();
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(out, "{:<width$}  ", cell.as_ref());
    }
    out.truncate(start + out[start..].trim_end().len());
    out.push('\n');
}
