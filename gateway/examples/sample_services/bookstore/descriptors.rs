//! What reflection tells: routes.d/bookstore.proto, which the gateway reads too, and the services beside it.

use prost_reflect::DescriptorPool;
use protox::{
    Compiler, Error,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};

const BOOKSTORE: &str = "bookstore.proto";

/// By the name that they are imported by.
const FILES: [(&str, &str); 4] = [
    (
        BOOKSTORE,
        include_str!("../../../../routes.d/bookstore.proto"),
    ),
    (
        "google/api/annotations.proto",
        include_str!("../../../protos/google/api/annotations.proto"),
    ),
    (
        "google/api/http.proto",
        include_str!("../../../protos/google/api/http.proto"),
    ),
    (
        "google/api/httpbody.proto",
        include_str!("../../../protos/google/api/httpbody.proto"),
    ),
];

struct Sources;

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        let found = FILES.iter().find(|(known, _)| *known == name);
        let (_, source) = found.ok_or_else(|| Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

pub(super) fn compile() -> anyhow::Result<DescriptorPool> {
    let mut sources = ChainFileResolver::new();
    sources.add(Sources);
    sources.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(sources);
    compiler.include_imports(true).open_file(BOOKSTORE)?;
    let mut pool = compiler.descriptor_pool();
    pool.decode_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)?;
    pool.decode_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)?;
    Ok(pool)
}
