//! What the authors of .proto files say about what they declare.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

use crate::rules::Api;

/// Comments by file and the path of what they stand at (google.protobuf.SourceCodeInfo.Location).
pub(super) struct Comments(HashMap<String, HashMap<Vec<i32>, String>>);

impl Comments {
    pub(super) fn of(api: &Api) -> Self {
        let pool = api
            .rules()
            .first()
            .map(|rule| rule.rpc.parent_pool().clone());
        let files = pool.iter().flat_map(|pool| pool.files());
        Self(
            files
                .map(|file| (file.name().to_owned(), of_file(&file)))
                .collect(),
        )
    }

    pub(super) fn get(&self, file: &FileDescriptor, path: &[i32]) -> Option<&str> {
        self.0.get(file.name())?.get(path).map(String::as_str)
    }
}

fn of_file(file: &FileDescriptor) -> HashMap<Vec<i32>, String> {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let locations = info.into_iter().flat_map(|info| &info.location);
    let comments = locations.filter_map(|location| {
        let text = location
            .leading_comments
            .as_ref()
            .or(location.trailing_comments.as_ref())?;
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let text = lines.join("\n").trim().to_owned();
        (!text.is_empty()).then(|| (location.path.clone(), text))
    });
    comments.collect()
}
