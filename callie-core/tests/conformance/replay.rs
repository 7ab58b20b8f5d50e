//! The findings of the fuzz targets, in `tests/regressions/fuzz`, and their seeds.

use std::path::Path;

use crate::checks::{check_pass_on, check_text};
use crate::conversation::check_conversation;

type Check = fn(&str);

/// Each fuzz target with its check.
const TARGETS: [(&str, Check); 3] =
    [("decode", check_text), ("pass_on", check_pass_on), ("session", check_conversation)];

fn replay(folder: &Path, check: Check) -> usize {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        // Not UTF-8: text messages are always UTF-8, and the targets skip such inputs too.
        if let Ok(text) = std::str::from_utf8(&std::fs::read(file).unwrap()) {
            let checked = std::panic::catch_unwind(|| check(text));
            assert!(checked.is_ok(), "{}", file.display());
        }
    }
    files.len()
}

#[test]
fn inputs_found_by_fuzzing_pass() {
    for (target, check) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions/fuzz").join(target);
        // The folder exists from the first finding on, because Git does not store empty folders.
        if folder.exists() {
            replay(&folder, check);
        }
    }
}

#[test]
fn every_fuzzing_seed_passes() {
    for (target, check) in TARGETS {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
        assert!(replay(&seeds, check) >= 50, "{target}");
    }
}
