//! Writes the contract artifacts, or checks that those on disk are up to date.

use clap::Parser;
use eyre::Result;
use std::{path::PathBuf, process::ExitCode};

/// Compile contracts/src into contracts/artifacts and contracts/addresses.json, and the test tokens
/// into anvil-fixtures/artifacts.
#[derive(Debug, Parser)]
#[command(name = "quorate-compile", version)]
struct Arguments {
    /// Write nothing; fail and name each file that is not up to date.
    #[arg(long)]
    check: bool,

    /// The repository.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))]
    root: PathBuf,
}

#[expect(clippy::print_stderr, reason = "this is the command's output")]
fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the command's output")]
fn run(arguments: &Arguments) -> Result<ExitCode> {
    let files = quorate_compile::generate(&arguments.root)?;
    if !arguments.check {
        for difference in files.write()? {
            println!("{difference}: mended");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let differences = files.differences()?;
    for difference in &differences {
        eprintln!("{difference}: run `cargo run -p quorate-compile`");
    }
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
