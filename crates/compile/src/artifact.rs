//! The shape of a committed artifact: what `sol!`, forge and viem read, and nothing that changes
//! when the bytecode does not.

use crate::solidity::Compiled;
use alloy::{json_abi::JsonAbi, primitives::Bytes};
use eyre::Result;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact<'a> {
    abi: &'a JsonAbi,
    bytecode: Code<'a>,
    deployed_bytecode: Code<'a>,
}

#[derive(Serialize)]
struct Code<'a> {
    object: &'a Bytes,
}

/// The file name and the text of each contract's artifact.
pub(crate) fn render_all(contracts: &[Compiled]) -> Result<Vec<(String, String)>> {
    contracts
        .iter()
        .map(|contract| Ok((format!("{}.json", contract.name), render(contract)?)))
        .collect()
}

fn render(contract: &Compiled) -> Result<String> {
    let artifact = Artifact {
        abi: &contract.abi,
        bytecode: Code { object: &contract.bytecode },
        deployed_bytecode: Code { object: &contract.deployed_bytecode },
    };
    to_json(&artifact)
}

/// JSON as it is committed: indented, one trailing newline.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
