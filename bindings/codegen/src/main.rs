//! Writes the generated files of the repository: `make generate`.

use std::fs;
use std::io;

fn main() -> io::Result<()> {
    for file in callie_codegen::generate()? {
        let path = callie_codegen::repository().join(file.path);
        // An unchanged file keeps its time, so that nothing is compiled for it.
        if fs::read_to_string(&path).ok().as_ref() != Some(&file.text) {
            fs::write(&path, &file.text)?;
            println!("wrote {}", file.path);
        }
    }
    Ok(())
}
