//! The trials of the engine, as a program.

use clap::{Parser, Subcommand};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{postgres::Server, repository};
use quorate_trials::{
    bench::{self, Options},
    books::Books,
    chaos::{
        Outcome,
        crash::{PLACES, WORKS, Work, crash},
        endpoints::{METHODS, RATES, Storm, Weathered},
        kinds, layer2, observe, payouts, report,
        stage::Place,
        stores::{Pressure, locked_file, pressed_server},
        storm,
    },
    engine::Setup,
};
use std::{
    collections::BTreeMap, fs, future::pending, pin::Pin, process::ExitCode, sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
};
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
    /// Let things go wrong and compare the books afterwards; writes docs/chaos.md.
    ///
    /// Needs the feature `failpoints`. Fails when something does not add up.
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

        /// So many runs instead of five; write nothing.
        #[arg(long, value_name = "COUNT")]
        runs: Option<usize>,

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
        Command::Bench { json, quick, runs, only } => {
            bench(json, Options { quick, runs, only }).await
        }
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

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the command's output")]
async fn chaos(json: bool, quick: bool, only: Option<&str>) -> Result<()> {
    ensure!(cfg!(feature = "failpoints"), "build this with the feature failpoints");
    let is_meant = |name: &str| only.is_none_or(|only| name.contains(only));
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (name, trial) in trials(quick) {
        if is_meant(&name) {
            let outcome = observe(&name, trial).await;
            eprintln!("{}", line(&outcome));
            outcomes.push(outcome);
        }
    }
    let server = Server::start().await?.map(|server| Arc::new(Mutex::new(server)));
    let storms = storms(quick, server).into_iter().filter(|storm| is_meant(&storm.name()));
    let storms = blow(storms.collect()).await?;
    let all = || outcomes.iter().chain(storms.iter().map(|weathered| &weathered.outcome));
    let count = all().count();
    ensure!(count > 0, "no trial has {:?} in its name", only.unwrap_or_default());
    if json {
        println!("{:#}", report::json(&outcomes, &storms));
    } else {
        println!("{}\n{}", report::table(&outcomes), report::storm_table(&storms));
    }
    if !json && !quick && only.is_none() {
        fs::write(repository().join("docs/chaos.md"), report::page(&outcomes, &storms))?;
    }
    let failed = all().filter(|outcome| outcome.books.is_err()).count();
    ensure!(failed == 0, "{failed} of {count} trials do not add up");
    Ok(())
}

fn line(outcome: &Outcome) -> String {
    let verdict = if outcome.books.is_ok() { "adds up" } else { "DOES NOT ADD UP" };
    format!("{}: {verdict}, {:.1} s", outcome.name, outcome.took.as_secs_f64())
}

/// How many storms blow at once: most of their time they wait.
const STORMS_AT_ONCE: usize = 6;

/// The storms: each fault at each rate on each store, for each method. The quick ones take less than a minute together.
fn storms(quick: bool, server: Option<Arc<Mutex<Server>>>) -> Vec<Storm> {
    let mut places = vec![Place::Sqlite];
    places.extend(server.map(Place::Postgres));
    if quick {
        let methods = ["eth_getLogs", "eth_getBlockReceipts", "eth_sendRawTransaction"];
        let quick = kinds::ALL.into_iter().filter(|kind| kinds::QUICK.contains(&kind.name));
        let storm = |(number, kind): (usize, kinds::Kind)| Storm {
            kind,
            per_mille: 500,
            place: places[number % places.len()].clone(),
            methods: methods.to_vec(),
        };
        return quick.enumerate().map(storm).collect();
    }
    let mut storms = Vec::new();
    for per_mille in RATES {
        for kind in kinds::ALL {
            for place in &places {
                let (place, methods) = (place.clone(), METHODS.to_vec());
                storms.push(Storm { kind, per_mille, place, methods });
            }
        }
    }
    storms
}

/// Lets storms blow, several at once; tells what came of them in their order.
#[expect(clippy::print_stderr, reason = "this is the command's output")]
async fn blow(storms: Vec<Storm>) -> Result<Vec<Weathered>> {
    let places = Arc::new(Semaphore::new(STORMS_AT_ONCE));
    let mut tasks = JoinSet::new();
    // The slowest first.
    for (number, storm) in storms.into_iter().enumerate().rev() {
        let places = places.clone();
        tasks.spawn(async move {
            let _place = places.acquire_owned().await;
            let weathered = storm.blow().await;
            eprintln!("{}", line(&weathered.outcome));
            (number, weathered)
        });
    }
    let mut weathered = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        weathered.extend([done?]);
    }
    Ok(weathered.into_values().collect())
}

type Trial = Pin<Box<dyn Future<Output = Result<Books>>>>;

/// The trials by name; the quick ones take less than a minute together.
fn trials(quick: bool) -> Vec<(String, Trial)> {
    let mut trials: Vec<(String, Trial)> = Vec::new();
    let works: &[Work] = if quick { &[Work::First, Work::Noop] } else { &WORKS };
    for &work in works {
        for place in PLACES {
            let name = format!("kill -9 {} of {}", place.replace('-', " "), work.name());
            trials.push((name, Box::pin(crash(place, work))));
        }
    }
    let mut add = |name: &str, trial: Trial| trials.push((name.to_owned(), trial));
    add("a reorg of 2 blocks", Box::pin(storm::reorg(2)));
    add("a reorg into a revert", Box::pin(storm::reorg_into_revert()));
    add("a full disk", Box::pin(storm::full_disk()));
    add("strangers are faster", Box::pin(storm::strangers()));
    add("two engines on one store", Box::pin(storm::two_engines()));
    let locked = |secs| Box::pin(locked_file(Duration::from_secs(secs)));
    add("an OP chain", Box::pin(layer2::op_chain(2)));
    add("gas as dear as Arbitrum's", Box::pin(layer2::dear_gas(true)));
    if quick {
        add("SQLite locked for 10 s", locked(10));
        let limit = Duration::from_secs(30);
        add("60 executions, one reply in ten lost", Box::pin(storm::lost_replies(60, limit)));
        add("a payout of 120 lines, 6 kills", Box::pin(payouts::run(120, 6)));
        return trials;
    }
    add("an OP chain, 60 strange transactions to each of ours", Box::pin(layer2::op_chain(60)));
    add(
        "gas as dear as Arbitrum's, estimates that do not say so",
        Box::pin(layer2::dear_gas(false)),
    );
    add("a least tip as Polygon's, named in refusals alone", Box::pin(layer2::least_tip()));
    add("no-ops that nobody takes", Box::pin(layer2::no_noops()));
    add("a reorg of 1 block", Box::pin(storm::reorg(1)));
    add("a reorg of 6 blocks, beyond finality", Box::pin(storm::reorg(6)));
    add("a reorg of 20 blocks, beyond what is remembered", Box::pin(storm::reorg(20)));
    add("base fees that jump", Box::pin(storm::fee_spikes()));
    add("late, lying, hanging and dead endpoints", Box::pin(storm::bad_endpoints()));
    add("an outage of 30 s", Box::pin(storm::outage(Duration::from_secs(30))));
    add("20 kills at any moment", Box::pin(storm::kills(20)));
    add("SQLite locked for 30 s", locked(30));
    for (name, pressure, secs) in [
        ("PostgreSQL read only for 20 s", Pressure::ReadOnly, 20),
        ("PostgreSQL gone for 15 s", Pressure::Restart, 15),
        ("PostgreSQL that cuts connections for 10 s", Pressure::Cut, 10),
        ("PostgreSQL standing still for 20 s", Pressure::Still, 20),
    ] {
        add(name, Box::pin(on_server(pressure, Duration::from_secs(secs))));
    }
    let limit = Duration::from_secs(300);
    add("1,000 executions, one reply in ten lost", Box::pin(storm::lost_replies(1_000, limit)));
    add("a payout of 2,000 lines, 24 kills", Box::pin(payouts::run(2_000, 24)));
    trials
}

/// A trial of a server, which has to be there.
async fn on_server(pressure: Pressure, lasts: Duration) -> Result<Books> {
    pressed_server(pressure, lasts).await?.ok_or_eyre("there is no PostgreSQL server here")
}

#[expect(clippy::print_stdout, reason = "this is the command's output")]
async fn bench(json: bool, options: Options) -> Result<()> {
    let results = bench::measure(&options).await?;
    if json {
        println!("{:#}", bench::report::json(&results));
    } else {
        print!("{}", bench::report::table(&results));
    }
    if !json && options.is_whole() {
        fs::write(repository().join(bench::report::PATH), bench::report::render(&results))?;
    }
    let missed = results.rows.iter().filter(|row| !row.is_met()).count();
    ensure!(missed == 0, "{missed} of {} measures are missed", results.rows.len());
    Ok(())
}
