//! What the unit tests share.

use std::path::Path;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use protox::{
    Compiler, Error,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver},
};
use serde_json::{Value, json};

use crate::{
    json::{Bounds, PrintOptions, Printer, ReadOptions, Reader},
    rules::Api,
    settings::{Limits, PrintSettings, Settings},
    transcoder::Transcoder,
};

/// A pool of one file `test.proto`, which may import google/api and google/protobuf.
pub(crate) fn pool(source: &str) -> DescriptorPool {
    try_pool(source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

pub(crate) fn try_pool(source: &str) -> Result<DescriptorPool, String> {
    struct Test(String);
    impl FileResolver for Test {
        fn open_file(&self, name: &str) -> Result<File, Error> {
            match name {
                "test.proto" => File::from_source(name, &self.0),
                _ => Err(Error::file_not_found(name)),
            }
        }
    }
    let google = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/protos");
    let mut resolver = ChainFileResolver::new();
    resolver.add(Test(source.to_owned()));
    resolver.add(IncludeFileResolver::new(google));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_source_info(true).include_imports(true);
    compiler
        .open_file("test.proto")
        .map_err(|error| format!("{error:?}"))?;
    let set = compiler.encode_file_descriptor_set();
    DescriptorPool::decode(set.as_slice()).map_err(|error| error.to_string())
}

/// Settings with their defaults but for what is given.
pub(crate) fn settings(given: &Value) -> Settings {
    serde_json::from_value(with_descriptors(given)).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn api(source: &str, given: &Value) -> (Api, Settings) {
    let settings = settings(given);
    let api = Api::compile(&pool(source), &settings);
    (
        api.unwrap_or_else(|problems| panic!("{problems:#?}")),
        settings,
    )
}

/// A message by its JSON.
pub(crate) fn message(descriptor: &MessageDescriptor, json: &Value) -> DynamicMessage {
    let options = ReadOptions {
        bounds: Bounds::from(&Limits::default()),
        refuse_unknown: true,
        any_case_enums: false,
    };
    let text = json.to_string();
    let reader = Reader::new(text.as_bytes(), &options).unwrap();
    reader
        .message(descriptor)
        .unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// The JSON of a message.
pub(crate) fn printed(message: &DynamicMessage) -> Value {
    let mut printer = Printer::new(PrintOptions::new(&PrintSettings::default(), 100));
    printer
        .message(message)
        .unwrap_or_else(|error| panic!("{error:?}"));
    serde_json::from_str(&printer.finish()).unwrap()
}

/// The whole plugin, as a route has it.
pub(crate) fn transcoder(source: &str, given: &Value) -> Transcoder {
    let settings = with_descriptors(given);
    witgate_plugin::testing::set_descriptors("test", &pool(source).encode_to_vec());
    let transcoder = witgate_plugin::testing::configure(&settings.to_string());
    transcoder.unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn with_descriptors(given: &Value) -> Value {
    let mut settings = given.clone();
    settings["descriptors"] = json!("test");
    settings
}
