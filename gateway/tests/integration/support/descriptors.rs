//! Descriptor sets, compiled from .proto files.

use std::path::Path;

use protox::Compiler;

/// The encoded descriptor set of the bookstore of the samples, with everything that it imports.
pub(crate) fn bookstore() -> Vec<u8> {
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR"));
    let routes = gateway.join("../routes.d");
    compile(&[&routes, &gateway.join("protos")], "bookstore.proto")
}

/// The same of a file in one of these folders.
pub(crate) fn compile(folders: &[&Path], file: &str) -> Vec<u8> {
    let mut compiler = Compiler::new(folders).unwrap();
    compiler.include_imports(true).open_file(file).unwrap();
    compiler.encode_file_descriptor_set()
}
