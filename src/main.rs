//! The `guichet` program: parse, run, answer with an exit code.
//!
//! The library does not need this file; it exists behind the feature `cli`. All it knows is in [`cli`].

// One file may: the meters, for the allocator and a system call.
#![deny(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os())
}
