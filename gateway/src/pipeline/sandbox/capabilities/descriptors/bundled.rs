//! `.proto` files that can be imported without being on disk, besides `google/protobuf/*.proto`, which the compiler
//! brings along.

use protox::{
    Error,
    file::{File, FileResolver, GoogleFileResolver},
};

macro_rules! bundled {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../../protos/", $name)))),*]
    };
}

const FILES: [(&str, &str); 7] = bundled![
    "google/api/annotations.proto",
    "google/api/field_behavior.proto",
    "google/api/http.proto",
    "google/api/httpbody.proto",
    "google/rpc/code.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
];

/// The file of this name, or an error that says that there is none.
pub(super) fn open(name: &str) -> Result<File, Error> {
    match FILES.iter().find(|(known, _)| *known == name) {
        Some((name, source)) => File::from_source(name, source),
        None => GoogleFileResolver::new().open_file(name),
    }
}

#[cfg(test)]
mod tests {
    use protox::Compiler;

    use super::*;

    struct Bundled;

    impl FileResolver for Bundled {
        fn open_file(&self, name: &str) -> Result<File, Error> {
            open(name)
        }
    }

    #[test]
    fn every_file_compiles() {
        let mut compiler = Compiler::with_file_resolver(Bundled);
        for (name, _) in FILES {
            compiler.open_file(name).unwrap();
        }
        let pool = compiler.descriptor_pool();
        let rule = pool.get_extension_by_name("google.api.http").unwrap();
        assert_eq!(rule.number(), 72_295_728);
        let detail = pool.get_message_by_name("google.rpc.BadRequest").unwrap();
        assert_eq!(detail.get_field(1).unwrap().name(), "field_violations");
        let body = pool.get_message_by_name("google.api.HttpBody").unwrap();
        assert_eq!(body.get_field_by_name("data").unwrap().number(), 2);
    }
}
