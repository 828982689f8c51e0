//! The trials of the engine, as a program.

use clap::{Parser, Subcommand};
use eyre::{Result, ensure};
use quorate_lab::repository;
use quorate_trials::{
    bench::{self, Options},
    chaos::{
        Outcome,
        crash::{PLACES, WORKS, crash},
        observe, report,
    },
    engine::Setup,
};
use std::{fs, future::pending, process::ExitCode};
use tracing_subscriber::EnvFilter;

/// What the engine goes through, and how fast it is.
#[derive(Debug, Parser)]
#[command(name = "quorate-trials", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let things go wrong and compare the books afterwards. Needs the feature `failpoints`.
    Chaos {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,

        /// Only what takes seconds.
        #[arg(long)]
        quick: bool,

        /// Only trials with this in their name.
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
    /// Measure the engine next to peers and limits, and write docs/performance.md. Fails if one is missed.
    Bench {
        /// Print JSON instead of a table, and write nothing.
        #[arg(long)]
        json: bool,

        /// One run instead of five, a third of the load each, and write nothing.
        #[arg(long)]
        quick: bool,

        /// Only measures with this in their name; write nothing.
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
    /// Run one engine until killed: what the trials start.
    #[command(hide = true)]
    Engine {
        /// How, in JSON.
        setup: String,
    },
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "this is the command's output")]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Chaos { json, quick, only } => chaos(json, quick, only.as_deref()).await,
        Command::Bench { json, quick, only } => bench(json, Options { quick, only }).await,
        Command::Engine { setup } => engine(&setup).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn engine(setup: &str) -> Result<()> {
    let level = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(level)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let setup: Setup = serde_json::from_str(setup)?;
    setup.run(pending()).await
}

#[expect(clippy::print_stdout, reason = "this is the command's output")]
async fn chaos(json: bool, _quick: bool, only: Option<&str>) -> Result<()> {
    ensure!(cfg!(feature = "failpoints"), "build this with the feature failpoints");
    let mut outcomes: Vec<Outcome> = Vec::new();
    for work in WORKS {
        for place in PLACES {
            let name = format!("kill -9 {place} of {}", work.name());
            if only.is_none_or(|only| name.contains(only)) {
                outcomes.push(observe(&name, crash(place, work)).await);
            }
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.books.is_err()).count();
    if json {
        println!("{:#}", report::json(&outcomes));
    } else {
        println!("{}", report::table(&outcomes));
    }
    ensure!(failed == 0, "{failed} of {} trials do not add up", outcomes.len());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is the command's output")]
async fn bench(json: bool, options: Options) -> Result<()> {
    let results = bench::measure(&options).await?;
    if json {
        println!("{:#}", bench::report::json(&results));
    } else {
        print!("{}", bench::report::table(&results));
    }
    if !json && !options.quick && options.only.is_none() {
        fs::write(repository().join(bench::report::PATH), bench::report::render(&results))?;
    }
    let missed = results.rows.iter().filter(|row| !row.is_met()).count();
    ensure!(missed == 0, "{missed} of {} measures are missed", results.rows.len());
    Ok(())
}
