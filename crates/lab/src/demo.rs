//! The demo: a treasury pays a real list of payments over a relayer that is killed meanwhile, and an escrow is disputed
//! and settled by files that go from hand to hand. Each step is done by the program `quorate`, as its users would do
//! it; what came of it is read from the chain.

mod escrow;
mod relayer;
mod stage;
mod treasury;

use crate::{anvil::Chain, deploy, owners::owner, program::Program, tokens};
use alloy::primitives::{Bytes, U256};
use eyre::Result;
use serde_json::{Value, json};
use stage::Stage;
use std::path::{Path, PathBuf};

/// The number of the key that is no owner of anything: it submits, and pays the gas.
const SUBMITTER: u64 = 9;

/// What the submitter has to pay gas with, in wei: one ether.
const SUBMITTER_ETHER: u64 = 1_000_000_000_000_000_000;

/// What the demo is told.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Print JSON at the end, and no story.
    pub json: bool,
    /// Leave the chain and the files.
    pub keep: bool,
}

/// How the demo went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether every check held.
    pub all_held: bool,
    /// What was told, also where nothing was printed.
    pub story: String,
}

/// Plays the demo with this `program`.
///
/// # Errors
///
/// If a step fails that must succeed.
pub async fn play(program: Program, options: Options) -> Result<Outcome> {
    let folder = tempfile::Builder::new().prefix("quorate-demo-").tempdir()?;
    let chain = Chain::start_live()?;
    let program = program.with("ETH_RPC_URL", chain.endpoint());
    let mut stage = Stage::new(chain, program, folder.path().to_owned(), options.json);
    let played = perform(&mut stage).await;
    if let Err(error) = played {
        stage.keep_for_inspection(folder.keep());
        return Err(error);
    }
    stage.finish();
    if options.json {
        stage.print_json();
    }
    let outcome = Outcome { all_held: stage.all_held(), story: stage.story().to_owned() };
    if options.keep {
        stage.leave_running(&folder.keep());
    }
    Ok(outcome)
}

async fn perform(stage: &mut Stage) -> Result<()> {
    stage.scene("A chain of our own");
    deploy::canonical(stage.chain()).await?;
    for token in tokens::ALL {
        token.deploy(stage.chain()).await?;
    }
    let submitter = owner(SUBMITTER).address();
    stage.chain().send(submitter, U256::from(SUBMITTER_ETHER), Bytes::new()).await?;
    stage.tell(&format!(
        "anvil on {}; the Quorate factory and three test tokens are on it",
        stage.chain().endpoint()
    ));
    let wallet = treasury::play(stage).await?;
    let escrow = escrow::play(stage).await?;
    stage.note("wallet", json!(wallet.to_checksum(None)));
    stage.note("escrow", json!(escrow.to_checksum(None)));
    Ok(())
}

/// A text field of what the program printed.
fn text(value: &Value, field: &str) -> Result<String> {
    let text = value.get(field).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| eyre::eyre!("no {field} in {value}"))
}

/// Hands a file to somebody else, as by e-mail.
fn hand_over(from: &Path, to: &Path) -> Result<PathBuf> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to)?;
    Ok(to.to_owned())
}
