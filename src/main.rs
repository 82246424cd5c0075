//! The `weir` program: everything is in the library.

use std::process::ExitCode;

/// Results leave the panel in new memory for every bar: an allocator that keeps freed pages, instead
/// of giving them back and having them zeroed again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    weir::cli::main(std::env::args_os())
}
