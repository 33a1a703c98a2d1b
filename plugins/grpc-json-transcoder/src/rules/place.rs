//! Where things stand in .proto files.

use prost_reflect::MethodDescriptor;

/// `bookstore.v1.Bookstore.GetShelf (bookstore.proto:12:3)`; without line and column where the descriptors do not
/// have them.
pub(crate) fn named(method: &MethodDescriptor) -> String {
    let file = method.parent_file();
    let place = file
        .file_descriptor_proto()
        .source_code_info
        .as_ref()
        .and_then(|info| {
            let mut locations = info.location.iter();
            locations.find(|location| location.path == method.path())
        });
    match place.map(|location| location.span.as_slice()) {
        // Both count from 0 there.
        Some([line, column, ..]) => format!(
            "{} ({}:{}:{})",
            method.full_name(),
            file.name(),
            line + 1,
            column + 1
        ),
        _ => format!("{} ({})", method.full_name(), file.name()),
    }
}
