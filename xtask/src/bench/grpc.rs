//! What gRPC calls cost, as they are and when they come as REST.
//!
//! The upstream is nginx with one answer for every call: a book. Envoy and witgate read the same descriptors from the
//! same file.

use std::{fmt::Write, fs, path::PathBuf, process::Command};

use anyhow::{Context, ensure};

use super::{Bench, Gateway, PORT};
use crate::components;

const SERVICE: &str = "bookstore.v1.Bookstore";
const BOOK: &str = "/v1/shelves/crime/books/moonstone";
const BOOKS: &str = "/v1/shelves/crime/books";
/// With an answer to a call, here and there.
const TITLE: &str = "The Moonstone";

/// A GET and a POST, over HTTP/1.1 and HTTP/2.
pub(super) fn transcode(bench: &Bench<'_>) -> anyhow::Result<()> {
    let files = Files::write(bench)?;
    let component = components::folder(bench.workspace).join("grpc-json-transcoder.wasm");
    let settings = format!(
        "plugins: {{ grpc-json-transcoder: {{ component: '{}', grants: [descriptors, metrics] }} }}\n\
         descriptors: {{ bookstore: {{ set: '{}' }} }}",
        component.display(),
        files.descriptors.display()
    );
    let chain = format!(
        "plugins: [{{ grpc-json-transcoder: {{ descriptors: bookstore, services: [{SERVICE}] }} }}], "
    );
    let routes = routes(&format!("prefix: /v1 }}, {chain}"))?;
    let gateway = Gateway::start(bench, "transcode", PORT, &settings, &routes)?;
    let ours = [("witgate+transcoder", &gateway)];
    let descriptors = files.descriptors.display().to_string();
    let peers = [
        "--peer-set",
        "transcode",
        "--service",
        SERVICE,
        "--descriptors",
        &descriptors,
    ];
    println!("GET {BOOK}");
    files.measure(bench, &ours, &peers, &["--path", BOOK, "--expect", TITLE])?;
    println!("POST {BOOKS}");
    let json = files.json.display().to_string();
    let post = [
        "--path",
        BOOKS,
        "--expect",
        TITLE,
        "--body",
        &json,
        "--header",
        "content-type: application/json",
    ];
    files.measure(bench, &ours, &peers, &post)
}

/// Unary calls over HTTP/2.
pub(super) fn proxy(bench: &Bench<'_>) -> anyhow::Result<()> {
    let files = Files::write(bench)?;
    let path = format!("/{SERVICE}/GetBook");
    let routes = routes(&format!("grpc: {SERVICE} }}, "))?;
    let gateway = Gateway::start(bench, "grpc", PORT, "", &routes)?;
    let call = files.call.display().to_string();
    let arguments = [
        "--proto",
        "h2",
        "--path",
        &path,
        "--body",
        &call,
        "--expect",
        "grpc-status: 0",
        "--header",
        "content-type: application/grpc",
        "--header",
        "te: trailers",
    ];
    files.measure(
        bench,
        &[("witgate", &gateway)],
        &["--peer-set", "grpc"],
        &arguments,
    )
}

/// 1,000 routes, of which the last is the one that is asked for.
fn routes(last: &str) -> anyhow::Result<String> {
    let mut text = String::from(
        "upstreams: { up: { endpoints: ['http://127.0.0.1:9000'], protocol: http2 } }\nroutes:\n",
    );
    for number in 1..1_000 {
        writeln!(
            text,
            "  - {{ name: r{number}, match: {{ prefix: /r{number} }}, to: up }}"
        )?;
    }
    writeln!(text, "  - {{ name: books, match: {{ {last}to: up }}")?;
    Ok(text)
}

/// What is sent, and what is answered with.
struct Files {
    /// A descriptor set with everything that it imports.
    descriptors: PathBuf,
    /// The frame of a GetBookRequest.
    call: PathBuf,
    /// The frame of a Book.
    answer: PathBuf,
    /// A book to create.
    json: PathBuf,
}

impl Files {
    fn write(bench: &Bench<'_>) -> anyhow::Result<Self> {
        let program = bench
            .workspace
            .build_debug()?
            .join("examples/sample_services");
        let proto = bench.workspace.path("benches/bookstore.proto");
        let output = Command::new(program)
            .arg("descriptors")
            .arg(proto)
            .output()?;
        ensure!(
            output.status.success(),
            "benches/bookstore.proto does not compile"
        );
        let write = |name: &str, content: &[u8]| {
            let path = bench.folder.join(name);
            fs::write(&path, content)
                .with_context(|| format!("cannot write {}", path.display()))?;
            anyhow::Ok(path)
        };
        let place = [text(1, "crime")?, text(2, "moonstone")?].concat();
        let more = [
            text(3, TITLE)?,
            text(4, "Wilkie Collins")?,
            text(8, "classic")?,
            text(8, "jewels")?,
        ]
        .concat();
        // 528 pages, 990 cents, a paperback.
        let numbers = [0x28, 0x90, 0x04, 0x30, 0xde, 0x07, 0x38, 0x01];
        let book = [place.as_slice(), &more, &numbers].concat();
        let json = br#"{"id":"moonstone","title":"The Moonstone","author":"Wilkie Collins","pages":528,"price":"990","binding":"BINDING_PAPERBACK","tags":["classic","jewels"]}"#;
        Ok(Self {
            descriptors: write("bookstore.pb", &output.stdout)?,
            call: write("call.bin", &frame(&place)?)?,
            answer: write("answer.bin", &frame(&book)?)?,
            json: write("book.json", json)?,
        })
    }

    fn measure(
        &self,
        bench: &Bench<'_>,
        ours: &[(&str, &Gateway)],
        peers: &[&str],
        load: &[&str],
    ) -> anyhow::Result<()> {
        let answer = self.answer.display().to_string();
        let arguments = [peers, load, &["--answer", &answer]].concat();
        bench.peers(ours, &arguments, true)
    }
}

/// A string field of a message.
fn text(field: u8, value: &str) -> anyhow::Result<Vec<u8>> {
    // Beyond that, a length has more than one byte.
    let length = u8::try_from(value.len())?;
    ensure!(length < 128, "{value} is too long");
    Ok([&[field << 3 | 2, length], value.as_bytes()].concat())
}

/// A message that is not compressed, with its length before it.
fn frame(message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let length = u32::try_from(message.len())?.to_be_bytes();
    Ok([&[0], length.as_slice(), message].concat())
}
