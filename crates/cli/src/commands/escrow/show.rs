//! `quorate escrow show`.

use super::{
    decisions, render,
    scene::{self, Scene},
};
use crate::{
    arguments::EscrowShow,
    failure::Cause,
    output::{Output, Sheet},
};
use eyre::Result;
use quorate_chain::ChainError;
use serde_json::json;
use std::io::Write as _;

pub(super) async fn run(arguments: EscrowShow, output: Output) -> Result<()> {
    if arguments.terms {
        let file = scene::read(&arguments.file)?;
        // Byte for byte: what is accepted is these.
        let written = std::io::stdout().lock().write_all(file.terms());
        return written.map_err(|error| Cause::BadInput.error(format!("cannot print: {error}")));
    }
    let scene = Scene::read(&arguments.file, &arguments.access, &arguments.chain, output).await?;
    let open = decisions::open(&arguments.file, &scene, output).await?;
    output.say(&render::sheet(&scene, output.now));
    if scene.ended().is_none() {
        output.say(&format!("\n{}", decisions::sheet(&scene, &open)));
    }
    let executions = match &scene.seen {
        Some(seen) if seen.state.deployed => {
            match output
                .during("reading the chain", seen.chain.executions(scene.file.wallet()))
                .await
            {
                Ok(executions) => Some(executions),
                Err(error @ ChainError::HistoryRefused { .. }) => {
                    output.warn(&format!("what was executed is not known: {error}"));
                    None
                }
                Err(error) => return Err(error.into()),
            }
        }
        _ => None,
    };
    if let Some(executions) = &executions {
        let mut sheet = Sheet::default();
        render::executed(&mut sheet, executions);
        output.say(&format!("\n{}", sheet.finish()));
    }
    let mut json = render::json(&scene);
    json["open"] = open.iter().map(|one| decisions::json(&scene, one)).collect();
    json["executions"] = json!(executions.map(|executions| {
        let one = |execution: &quorate_chain::Execution| {
            json!({
                "digest": execution.digest,
                "nonce": execution.nonce.to_string(),
                "txHash": execution.tx_hash,
                "blockNumber": execution.block_number,
            })
        };
        executions.iter().map(one).collect::<Vec<_>>()
    }));
    output.result(&json);
    Ok(())
}
