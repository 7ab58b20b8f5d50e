//! The committed files are those that the generator writes.

#[test]
fn generated_files_are_up_to_date() {
    for file in callie_codegen::generate().expect("rustfmt runs") {
        let committed =
            std::fs::read_to_string(callie_codegen::repository().join(file.path)).unwrap_or_default();
        assert!(committed == file.text, "{} is stale: run `make generate`", file.path);
    }
}

#[test]
fn generated_lines_are_not_too_long() {
    for file in callie_codegen::generate().expect("rustfmt runs") {
        for (at, line) in file.text.lines().enumerate() {
            assert!(line.chars().count() <= 125, "{}:{}: {line}", file.path, at + 1);
        }
    }
}
