//! The binary: everything is in the library.

use std::process::ExitCode;

/// What one thread allocates another frees: every payload is made by its sender's task and dropped by its recipient's.
/// The system's allocator has the two wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    callie_server::cli::main()
}
