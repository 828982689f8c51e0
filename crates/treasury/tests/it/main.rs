//! The payout files in `anvil-fixtures`: what a treasurer reads about each.

mod broken;
mod good;
mod lists;
mod run_histories;
mod run_model;

use alloy::primitives::Address;
use quorate_treasury::{
    PayoutFile, Plan, PlanError, payout_plan::Terms, plan, remark::LinesOfList,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The folder of the payout files.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../anvil-fixtures/payouts")
}

/// Reads a file and plans it for the treasury of the fixtures, as a command would.
fn plan_of(name: &str) -> Result<Plan, PlanError> {
    let bytes = fs::read(folder().join(name)).expect("a fixture");
    let file = PayoutFile::from_csv(&bytes)?;
    let (wallet, run, decimals) = (treasury(), "dao-2026-11", &decimals());
    plan(&file, &Terms { chain_id: 31_337, wallet, run, decimals, max_lines: None }, None)
}

/// The lines of a file.
fn lines_of(name: &str) -> LinesOfList {
    let bytes = fs::read(folder().join(name)).expect("a fixture");
    LinesOfList::of(&PayoutFile::from_csv(&bytes).expect("a good one"))
}

fn treasury() -> Address {
    address(&accounts()["wallets"][0])
}

/// The decimals of the fixtures' tokens.
fn decimals() -> BTreeMap<Address, u8> {
    let accounts = accounts();
    let tokens = accounts["tokens"].as_array().expect("a list");
    let decimals = |token: &Value| token["decimals"].as_u64().and_then(|n| u8::try_from(n).ok());
    tokens.iter().map(|token| (address(token), decimals(token).expect("decimals"))).collect()
}

fn token(symbol: &str) -> Address {
    let accounts = accounts();
    let tokens = accounts["tokens"].as_array().expect("a list");
    address(tokens.iter().find(|token| token["symbol"] == symbol).expect("a token"))
}

fn accounts() -> Value {
    let text = include_str!("../../../../anvil-fixtures/accounts.json");
    serde_json::from_str(text).expect("JSON")
}

fn address(of: &Value) -> Address {
    of["address"].as_str().and_then(|text| text.parse().ok()).expect("an address")
}
