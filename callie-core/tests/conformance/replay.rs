//! What the fuzz targets once broke, kept in `tests/regressions/fuzz`, and the seeds they start from.

use std::path::Path;

use crate::checks::{check_pass_on, check_text};
use crate::conversation::check_conversation;

type Check = fn(&str);

/// Each fuzz target with what it checks.
const TARGETS: [(&str, Check); 3] =
    [("decode", check_text), ("pass_on", check_pass_on), ("session", check_conversation)];

fn replay(folder: &Path, check: Check) -> usize {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        // Not UTF-8: a text message cannot be that, and the targets skip it too.
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
        // Git keeps no empty folder, so it is there from the first find on.
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
