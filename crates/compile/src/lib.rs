//! Compiles the contracts into the files that are committed and that everything else reads.
//!
//! | from | to |
//! |---|---|
//! | `contracts/src` | `contracts/artifacts/<Contract>.json` and `contracts/addresses.json` |
//! | `contracts/test/tokens` | `anvil-fixtures/artifacts/<Contract>.json` |
//!
//! The compiler and its settings are the ones of `contracts/foundry.toml`, so that forge makes the
//! same bytes. Nothing else depends on this crate: who builds Quorate needs no Solidity compiler.

mod addresses;
mod artifact;
mod files;
mod foundry;
mod solidity;

use eyre::{Result, WrapErr, ensure};
use std::path::Path;

pub use files::{Difference, Files};

/// Compiles the contracts of the repository at `root` and returns every file that should be
/// committed. Writes nothing.
///
/// # Errors
///
/// If the npm packages of `contracts/` are not installed, a source does not compile, or a contract
/// has no canonical address that could be computed without deploying it.
pub fn generate(root: &Path) -> Result<Files> {
    let contracts = root.join("contracts");
    ensure!(
        contracts.join("node_modules/solc").exists(),
        "the Solidity compiler is not installed: run `npm install --prefix contracts`"
    );
    let compiler = solidity::Compiler::new(&contracts)?;
    let production = compiler.compile("src")?;
    let tokens = compiler.compile("test/tokens")?;

    let mut files = Files::new(root);
    files.add_folder("contracts/artifacts", artifact::render_all(&production)?);
    files.add_folder("anvil-fixtures/artifacts", artifact::render_all(&tokens)?);
    let addresses = addresses::render(&production).wrap_err("no canonical addresses")?;
    files.add("contracts/addresses.json", addresses);
    Ok(files)
}
