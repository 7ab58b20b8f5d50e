//! The generator of the command wrappers: what each language needs to call a command, from the table in `callie-core`.
//! callie-client derives its methods from the same table with a macro.
//!
//! - `command`: the commands that are wrapped, and their documentation in parts
//! - `text`: lists, cases, wrapped lines
//! - `rust`: what all Rust code has in common that is written here
//! - `uniffi`, `c`: what callie-ffi exports
//! - `typed`: what Kotlin and Swift have in common
//! - `python`, `kotlin`, `swift`, `typescript`: the packages of those languages
//!
//! `make generate` writes the files, which are committed. A test compares them with what the generator writes.

mod c;
mod command;
mod kotlin;
mod python;
mod rust;
mod swift;
mod text;
mod typed;
mod typescript;
mod uniffi;

use std::io;
use std::path::{Path, PathBuf};

/// The first line of every generated file, after the comment sign of its language.
const NOTE: &str = "Generated from callie-core/src/command/table.rs by `make generate`. Do not edit.";

/// A generated file.
#[derive(Debug)]
pub struct File {
    /// Its path in the repository.
    pub path: &'static str,
    /// Its content.
    pub text: String,
}

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Writes all files in memory.
///
/// # Errors
/// An error of the system when `rustfmt` cannot be run, or does not accept what was written.
pub fn generate() -> io::Result<Vec<File>> {
    let commands = command::commands();
    Ok(vec![
        File { path: "callie-ffi/src/api/commands.rs", text: rust::format(&uniffi::exports(&commands))? },
        File {
            path: "callie-ffi/src/capi/commands/functions.rs",
            text: rust::format(&c::functions(&commands))?,
        },
        File { path: "bindings/python/callie/commands.py", text: python::asynchronous(&commands) },
        File { path: "bindings/python/callie/blocking_commands.py", text: python::blocking(&commands) },
        File {
            path: "bindings/kotlin/src/main/kotlin/dev/callie/Commands.kt",
            text: kotlin::functions(&commands),
        },
        File { path: "bindings/swift/Sources/Callie/Commands.swift", text: swift::methods(&commands) },
        File { path: "bindings/typescript/src/commands.ts", text: typescript::commands(&commands) },
        File { path: "bindings/typescript/src/protocol.ts", text: typescript::protocol() },
    ])
}
