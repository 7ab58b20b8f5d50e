//! The C header is what cbindgen writes from the sources: a change of one without the other does not pass.

use std::path::{Path, PathBuf};

/// Set to write the header anew: `make header`.
const UPDATE: &str = "CALLIE_UPDATE_HEADER";

fn generate() -> Result<String, Box<dyn std::error::Error>> {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml"))?;
    let capi = crate_dir.join("src/capi");
    // In the order in which a reader needs them.
    let builder = [
        "status.rs",
        "text.rs",
        "config.rs",
        "server.rs",
        "held.rs",
        "client.rs",
        "figures.rs",
        "attachment.rs",
        "outcome.rs",
        "send.rs",
        "commands/functions.rs",
        "event.rs",
        "events.rs",
        "receive.rs",
        "json.rs",
        "callback.rs",
        "store.rs",
        "validate.rs",
    ]
    .iter()
    .fold(cbindgen::Builder::new().with_config(config), |builder, file| builder.with_src(capi.join(file)));
    let mut header = Vec::new();
    builder.generate()?.write(&mut header);
    Ok(String::from_utf8(header)?)
}

#[test]
fn the_header_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../bindings/c/include/callie.h");
    let generated = generate().expect("the sources are read");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &generated).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "bindings/c/include/callie.h is stale: run `make header`");
}

#[test]
fn the_header_shows_every_exported_function() {
    let header = generate().expect("the sources are read");
    let capi = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/capi");
    let mut found = 0;
    let files = |folder: PathBuf| std::fs::read_dir(folder).expect("the folder is there");
    for entry in files(capi.clone()).chain(files(capi.join("commands"))) {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            continue;
        }
        let source = std::fs::read_to_string(path).expect("a source");
        for name in source.split("extern \"C\" fn ").skip(1).filter_map(|rest| rest.split('(').next()) {
            assert!(name.starts_with("callie_"), "{name} is not of this library's names");
            assert!(header.contains(&format!("{name}(")), "{name} is not in the header");
            found += 1;
        }
    }
    assert!(found > 70, "only {found} functions found");
}

#[test]
fn constants_of_header_and_library_agree() {
    let header = generate().expect("the sources are read");
    let wanted = format!("#define CALLIE_SIZE_UNKNOWN ((int64_t){})", callie::capi::CALLIE_SIZE_UNKNOWN);
    assert_eq!(header.matches("#define CALLIE_SIZE_UNKNOWN").count(), 1);
    assert!(header.contains(&wanted), "{wanted}");
}
