//! `esession-chat`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    esession_chat::cli::main()
}
