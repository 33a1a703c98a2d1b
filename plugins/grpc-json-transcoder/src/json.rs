//! Between JSON text and messages, by the rules of ProtoJSON and nothing more lenient.

pub(crate) mod base64;
mod cursor;
mod error;
pub(crate) mod number;
mod print;
mod read;
pub(crate) mod time;
pub(crate) mod wire;

#[cfg(test)]
mod tests;

pub(crate) use cursor::{Bounds, Cursor};
pub(crate) use error::JsonError;
pub(crate) use print::{PrintOptions, Printer, Unprintable, print_text};
pub(crate) use read::{
    ReadOptions, Reader, enum_by_name, legal_names, snake_case, written_as_value,
};
pub(crate) use wire::Shapes;
