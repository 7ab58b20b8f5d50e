//! The public API equals `public-api.txt`, so that every change is intentional and updates the file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

/// The variable that makes the test write the file instead of comparing with it.
const UPDATE: &str = "UPDATE_PUBLIC_API";

/// Everything that other crates can use, one item per line.
fn current() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = root.join("../target/public-api");
    // rustdoc's JSON is a nightly feature, which this variable enables in the stable toolchain. Uses another target
    // directory, because the test's own is locked while tests are built.
    let status = Command::new(env!("CARGO"))
        .args(["rustdoc", "--quiet", "--lib", "--target-dir"])
        .arg(&target)
        .args(["--", "--cap-lints=allow", "-Zunstable-options", "--output-format=json"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root)
        .status()
        .unwrap();
    assert!(status.success(), "rustdoc failed: {status}");
    let api = public_api::Builder::from_rustdoc_json(target.join("doc/callie_core.json"))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap();
    api.to_string()
}

#[test]
fn public_api_matches_the_snapshot() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/public-api.txt");
    let current = current();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &current).unwrap();
        return;
    }
    let known = std::fs::read_to_string(&path).unwrap();
    let (known, now): (Vec<_>, Vec<_>) = (known.lines().collect(), current.lines().collect());
    let gone: Vec<_> =
        known.iter().filter(|line| !now.contains(line)).map(|line| format!("-{line}")).collect();
    let new: Vec<_> =
        now.iter().filter(|line| !known.contains(line)).map(|line| format!("+{line}")).collect();
    assert!(
        known == now,
        "the public API changed. If that is meant, run this test with {UPDATE}=1 and commit tests/public-api.txt.\n{}\n{}",
        gone.join("\n"),
        new.join("\n"),
    );
}
