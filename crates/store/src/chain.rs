//! What an engine begins with, and whether the operator paused it.

use crate::{
    attempt::{self, AttemptRecord},
    audit::Kind,
    budget::{self, Usage, WHOLE_CHAIN},
    error::StoreError,
    proposal::{self, ProposalRecord},
    row::{Fields, int},
    transaction::{self, Transaction},
    wallet::{self, Recorded, WalletRecord},
    writer::Intention,
};
use alloy::primitives::Address;
use serde_json::json;
use sqlx::AnyConnection;

/// How much of what is over an engine begins with, besides all that is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// What became final at this instant or later, in Unix milliseconds: a reorg might still take it back.
    pub since: i64,
    /// What was spent on this day or later, in days since 1970.
    pub day: u32,
}

/// What is known of a chain, all of it as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRecords {
    /// The wallets, by address.
    pub wallets: Vec<WalletRecord>,
    /// The proposals within the horizon, the first recorded first.
    pub proposals: Vec<ProposalRecord>,
    /// The attempts within the horizon, by sender, account nonce and number.
    pub attempts: Vec<AttemptRecord>,
    /// What was used of budgets.
    pub budgets: Vec<BudgetRecord>,
    /// Whether the operator paused the engine.
    pub is_paused: bool,
    /// The sequence of the last event that all this includes.
    pub last_event: u64,
}

/// What was used of a day's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetRecord {
    /// By which wallet; `None` is what all of them and nobody used together.
    pub wallet: Option<Address>,
    /// The day, in days since 1970.
    pub day: u32,
    /// How much.
    pub usage: Usage,
}

pub(crate) async fn records(
    connection: &mut AnyConnection,
    chain_id: u64,
    horizon: Horizon,
) -> Result<ChainRecords, StoreError> {
    let Horizon { since, day } = horizon;
    let budgets = budget::since(connection, chain_id, day).await?.into_iter();
    let wallet = |address| (address != WHOLE_CHAIN).then_some(address);
    Ok(ChainRecords {
        wallets: wallet::of_chain(connection, chain_id).await?,
        proposals: proposal::read::open(connection, chain_id, since).await?,
        attempts: attempt::read::open(connection, chain_id, since).await?,
        budgets: budgets
            .map(|(address, day, usage)| BudgetRecord { wallet: wallet(address), day, usage })
            .collect(),
        is_paused: is_paused(connection, chain_id).await?,
        last_event: transaction::read_head(connection, transaction::SELECT_HEAD)
            .await?
            .outbox_sequence,
    })
}

/// Whether the operator paused the engine of a chain.
pub(crate) async fn is_paused(
    connection: &mut AnyConnection,
    chain_id: u64,
) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT * FROM chains WHERE chain_id = $1");
    let row = query.bind(int("chainId", chain_id)?).fetch_optional(connection).await?;
    row.map_or(Ok(false), |row| Fields::new(&row, "chains", &["chain_id"]).flag("paused"))
}

pub(crate) struct SetPaused {
    pub(crate) chain_id: u64,
    pub(crate) is_paused: bool,
    pub(crate) at: i64,
}

impl Intention for SetPaused {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        if is_paused(tx.connection(), self.chain_id).await? == self.is_paused {
            return Ok(Recorded::Known);
        }
        let query = sqlx::query(
            "INSERT INTO chains (chain_id, paused) VALUES ($1, $2) \
             ON CONFLICT (chain_id) DO UPDATE SET paused = $2",
        );
        query
            .bind(int("chainId", self.chain_id)?)
            .bind(i64::from(self.is_paused))
            .execute(tx.connection())
            .await?;
        let kind = if self.is_paused { Kind::Paused } else { Kind::Resumed };
        tx.audit(self.at, kind, json!({ "chainId": self.chain_id })).await?;
        Ok(Recorded::New)
    }
}
