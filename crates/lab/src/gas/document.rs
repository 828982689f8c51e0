//! The published page: the tables and how they came about. The same run gives the same text.

use super::Report;
use crate::repository;
use eyre::{Result, WrapErr};
use serde::Deserialize;
use std::{collections::BTreeMap, fs};

/// Where the page is, from the repository's root.
pub const PATH: &str = "docs/gas.md";

/// The text of the page.
///
/// # Errors
///
/// If `contracts/package.json`, which names the versions, cannot be read.
pub fn render(report: &Report) -> Result<String> {
    let versions = versions()?;
    let version = |package: &str| versions.get(package).map_or("?", String::as_str);
    let lines = [
        "# Gas",
        "",
        "Written by `just gas`: do not edit. `gasUsed` of the receipt, osaka rules, on one local chain in one run:",
        "Safe 1.4.1 and 1.5.0 as published on npm (`Safe` with its fallback handler, created through",
        "`SafeProxyFactory`, batches through `MultiSendCallOnly`) next to Quorate.",
        "",
        "- Everything is done three times and the third counts: payees hold a balance, nonces are not zero.",
        "- Exactly the threshold signs, with ECDSA over the EIP-712 digest.",
        "- Keys, amounts and time are fixed, so a run repeats to the unit. Amounts have as many digits as real ones.",
        "- A change of owners replaces one owner: `swapOwner` on a Safe, `reconfigure` on Quorate.",
        "- Every payee's and the wallet's balance is checked before and after each execution, owners and threshold",
        "  after each creation and change.",
        "- \"of 1.4.1\" and \"of 1.5.0\" are Quorate's share of what that Safe uses. The run fails when Quorate uses more",
        "  than \"at most\".",
    ];
    let (solc, openzeppelin) = (version("solc"), version("@openzeppelin/contracts"));
    let versions = format!(
        "- Quorate and the token, an OpenZeppelin {openzeppelin} ERC-20, are compiled by solc {solc}."
    );
    Ok(format!("{}\n{versions}\n{}", lines.join("\n"), report.tables()))
}

fn versions() -> Result<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Package {
        dependencies: BTreeMap<String, String>,
    }

    let path = repository().join("contracts/package.json");
    let text = fs::read_to_string(&path).wrap_err("contracts/package.json")?;
    let package: Package = serde_json::from_str(&text).wrap_err("contracts/package.json")?;
    Ok(package.dependencies)
}
