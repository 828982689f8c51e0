//! What a day may cost: reserved at its worst when an account nonce is taken, settled when it is final.

use crate::{
    error::StoreError,
    row::{Fields, blob, int},
    transaction::Transaction,
    wallet::WalletKey,
};
use alloy::primitives::{Address, U256};
use sqlx::AnyConnection;

/// The key under which a chain's sums are kept; no wallet has this address.
pub(crate) const WHOLE_CHAIN: Address = Address::ZERO;

/// What was used of a day's budget, in wei.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Held back for attempts that are not final.
    pub reserved: U256,
    /// Paid by attempts that are.
    pub spent: U256,
}

impl Usage {
    /// Both together.
    pub const fn used(&self) -> U256 {
        self.reserved.saturating_add(self.spent)
    }
}

/// What an attempt may cost, and what the day has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The day, in days since 1970.
    pub day: u32,
    /// Wei in the worst case, bumps and a no-op included.
    pub amount: U256,
    /// Wei that the wallet's attempts of a day may cost; `None` is no limit.
    pub wallet_limit: Option<U256>,
    /// Wei that all attempts of a day on the chain may cost; `None` is no limit.
    pub chain_limit: Option<U256>,
}

/// Adds to what is reserved. With `is_limited` it must fit.
pub(crate) async fn reserve(
    tx: &mut Transaction,
    wallet: WalletKey,
    reservation: &Reservation,
    is_limited: bool,
) -> Result<(), StoreError> {
    let Reservation { day, amount, wallet_limit, chain_limit } = *reservation;
    for key in burdened(wallet) {
        let limit = if key.address == WHOLE_CHAIN { chain_limit } else { wallet_limit };
        let usage = find(tx.connection(), key, day).await?;
        let reserved = usage.reserved.checked_add(amount);
        let total = reserved.and_then(|reserved| reserved.checked_add(usage.spent));
        let most = if is_limited { limit.unwrap_or(U256::MAX) } else { U256::MAX };
        let Some(reserved) = reserved.filter(|_| total.is_some_and(|total| total <= most)) else {
            let (wallet, used) = (key.address, usage.used());
            return Err(StoreError::OverBudget { wallet, day, asked: amount, used, limit: most });
        };
        set(tx, key, day, Usage { reserved, ..usage }).await?;
    }
    Ok(())
}

/// Takes `released` from what is reserved and adds `spent`.
pub(crate) async fn settle(
    tx: &mut Transaction,
    wallet: WalletKey,
    day: u32,
    released: U256,
    spent: U256,
) -> Result<(), StoreError> {
    for key in burdened(wallet) {
        let usage = find(tx.connection(), key, day).await?;
        let settled = Usage {
            reserved: usage.reserved.saturating_sub(released),
            spent: usage.spent.saturating_add(spent),
        };
        set(tx, key, day, settled).await?;
    }
    Ok(())
}

/// The wallet's budget and its chain's; without a wallet only that.
fn burdened(wallet: WalletKey) -> impl Iterator<Item = WalletKey> {
    let own = (wallet.address != WHOLE_CHAIN).then_some(wallet);
    own.into_iter().chain([WalletKey { address: WHOLE_CHAIN, ..wallet }])
}

async fn set(
    tx: &mut Transaction,
    key: WalletKey,
    day: u32,
    usage: Usage,
) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO budgets (chain_id, wallet, day, reserved, spent) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (chain_id, wallet, day) DO UPDATE SET reserved = $4, spent = $5",
    );
    query
        .bind(int("chainId", key.chain_id)?)
        .bind(blob(key.address))
        .bind(i64::from(day))
        .bind(usage.reserved.to_string())
        .bind(usage.spent.to_string())
        .execute(tx.connection())
        .await?;
    Ok(())
}

pub(crate) async fn find(
    connection: &mut AnyConnection,
    key: WalletKey,
    day: u32,
) -> Result<Usage, StoreError> {
    let query =
        sqlx::query("SELECT * FROM budgets WHERE chain_id = $1 AND wallet = $2 AND day = $3")
            .bind(int("chainId", key.chain_id)?)
            .bind(blob(key.address))
            .bind(i64::from(day));
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(Usage::default()) };
    let fields = Fields::new(&row, "budgets", &["chain_id", "wallet", "day"]);
    Ok(Usage { reserved: fields.u256("reserved")?, spent: fields.u256("spent")? })
}
