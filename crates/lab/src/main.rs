//! Measurements that are published.

use clap::{Parser, Subcommand};
use eyre::{Result, WrapErr};
use quorate_lab::{gas, repository};
use std::{fs, process::ExitCode};

/// Development tools of Quorate.
#[derive(Debug, Parser)]
#[command(name = "quorate-lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure gas next to two Safes, print a table and write docs/gas.md.
    ///
    /// Fails when a balance does not add up or a number is above its limit.
    Gas {
        /// Print JSON instead of the table.
        #[arg(long)]
        json: bool,

        /// Write nothing; fail if docs/gas.md says something else.
        #[arg(long)]
        check: bool,
    },
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stderr, reason = "this is the command's output")]
async fn main() -> ExitCode {
    let Command::Gas { json, check } = Arguments::parse().command;
    match measure_gas(json, check).await {
        Ok(failures) if failures.is_empty() => ExitCode::SUCCESS,
        Ok(failures) => {
            for failure in failures {
                eprintln!("error: {failure}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the report and returns one line for each thing that is not as it must be.
#[expect(clippy::print_stdout, reason = "this is the command's output")]
async fn measure_gas(json: bool, check: bool) -> Result<Vec<String>> {
    let report = gas::measure().await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.tables());
    }

    let mut failures = report.missed();
    let (path, page) = (repository().join(gas::PATH), gas::render(&report)?);
    let is_current = fs::read_to_string(&path).is_ok_and(|text| text == page);
    if check && !is_current {
        failures.push(format!("{} is not what was measured: run `just gas`", gas::PATH));
    } else if !is_current {
        fs::create_dir_all(path.parent().expect("docs/"))?;
        fs::write(&path, page).wrap_err_with(|| format!("cannot write {}", gas::PATH))?;
    }
    Ok(failures)
}
