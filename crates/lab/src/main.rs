//! The demo, measurements that are published, and fixtures that are committed.

use clap::{Parser, Subcommand};
use eyre::{Result, WrapErr};
use quorate_lab::{
    demo,
    fixtures::{self, FOLDER},
    gas,
    program::Program,
    repository,
};
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
    /// Play the demo: a treasury pays a list, an escrow is disputed and settled.
    ///
    /// Fails when a check does not hold.
    Demo {
        /// Print JSON instead of the story.
        #[arg(long)]
        json: bool,

        /// Leave the chain running and the files in place, and say where.
        #[arg(long)]
        keep: bool,
    },
    /// Write the files in anvil-fixtures that are made on a chain: state, accounts, payout files.
    Fixtures {
        /// Write nothing; fail where a file differs.
        #[arg(long)]
        check: bool,
    },
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stderr, reason = "this is the command's output")]
async fn main() -> ExitCode {
    let failures = match Arguments::parse().command {
        Command::Gas { json, check } => measure_gas(json, check).await,
        Command::Demo { json, keep } => play_demo(demo::Options { json, keep }).await,
        Command::Fixtures { check } => make_fixtures(check).await,
    };
    match failures {
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

/// Plays the demo, which says itself what did not hold.
async fn play_demo(options: demo::Options) -> Result<Vec<String>> {
    let outcome = demo::play(Program::beside()?, options).await?;
    Ok(if outcome.all_held { Vec::new() } else { vec!["not every check held".to_owned()] })
}

/// Writes the fixtures, or returns one line for each that is not as it must be.
async fn make_fixtures(check: bool) -> Result<Vec<String>> {
    let stale = fixtures::make().await?.into_iter().filter(|fixture| !fixture.is_current());
    if check {
        let line = |name| format!("{FOLDER}/{name} is not what is made here: run `just fixtures`");
        return Ok(stale.map(|fixture| line(fixture.name)).collect());
    }
    for fixture in stale {
        fixture.write()?;
    }
    Ok(Vec::new())
}
