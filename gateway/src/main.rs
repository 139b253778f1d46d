//! The program. Everything is in the library, so that it can be tested without a process.

fn main() -> std::process::ExitCode {
    drawbridge::cli::main()
}
