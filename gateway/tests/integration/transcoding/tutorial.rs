//! docs/transcoding.md, from its first file to its last command.

use std::fs;

use crate::support::{
    components,
    documentation::{commands, matches, named_blocks, root},
    gateway::Setup,
    samples::Samples,
    shell,
};

#[tokio::test]
async fn every_command_prints_what_the_page_says() {
    let page = fs::read_to_string(root().join("docs/transcoding.md")).unwrap();
    let samples = Samples::start();
    let component = fs::read(components::shipped("grpc-json-transcoder")).unwrap();
    let mut setup = Setup::new().file("target/components/grpc-json-transcoder.wasm", component);
    for (name, text) in named_blocks(&page, "proto", "// ") {
        setup = setup.file(name, text);
    }
    for (name, text) in named_blocks(&page, "yaml", "# ") {
        setup = match name {
            // Before them stand the listeners, whose addresses the test chooses.
            "witgate.yaml" => {
                let (_, settings) = text.split_once("\nplugins:").unwrap();
                setup.settings(&format!("plugins:{settings}"))
            }
            _ => setup.file(name, samples.found_in(text)),
        };
    }
    let gateway = setup.start().await;
    let commands = commands(&page);
    assert!(commands.len() > 8, "{commands:#?}");
    for (command, expected) in commands {
        let command = command.replace("127.0.0.1:8080", &gateway.address().to_string());
        let printed = shell::run(&command, gateway.folder()).await;
        assert!(
            matches(&expected, &printed),
            "$ {command}\n{printed}\nbut the page has\n{expected}"
        );
    }
}
