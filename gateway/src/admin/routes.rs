//! `GET /routes`: the live table in the order of matching, as `witgate routes` prints it.

use http::StatusCode;

use super::{Answer, Control, text};
use crate::cli::routes::render;

pub(super) fn answer(control: &Control) -> Answer {
    text(StatusCode::OK, render(&control.snapshot()))
}
