//! What reflection tells: routes.d/bookstore.proto, which the gateway reads too, and the services beside it.

use prost_reflect::DescriptorPool;
use protox::{
    Compiler, Error,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};

/// By the name that they are imported by.
const IMPORTS: [(&str, &str); 3] = [
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

/// One file, and what it may import.
struct Sources {
    name: String,
    source: String,
}

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        if name == self.name {
            return File::from_source(name, &self.source);
        }
        let found = IMPORTS.iter().find(|(known, _)| *known == name);
        let (_, source) = found.ok_or_else(|| Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

/// The bookstore, with health checking and reflection.
pub(super) fn served() -> anyhow::Result<DescriptorPool> {
    let source = include_str!("../../../../routes.d/bookstore.proto");
    let mut pool = compile("bookstore.proto", source)?;
    pool.decode_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)?;
    pool.decode_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)?;
    Ok(pool)
}

/// A .proto file and all that it imports.
pub(super) fn compile(name: &str, source: &str) -> anyhow::Result<DescriptorPool> {
    let mut sources = ChainFileResolver::new();
    sources.add(Sources {
        name: name.into(),
        source: source.into(),
    });
    sources.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(sources);
    compiler.include_imports(true).open_file(name)?;
    Ok(compiler.descriptor_pool())
}
