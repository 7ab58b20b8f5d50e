//! The binary. Everything is in the library.

use std::process::ExitCode;

/// Every payload is allocated by the task of its sender and freed by that of its recipient. With the allocator of the
/// system, the two threads wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    callie_server::cli::main()
}
