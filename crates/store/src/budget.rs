//! What a day may cost: reserved as it is bid when an attempt is stored, settled when it is final.

use crate::{
    error::StoreError,
    row::{Fields, blob, int},
    transaction::Transaction,
    wallet::WalletKey,
};
use alloy::primitives::{Address, U256};
use sqlx::AnyConnection;
use std::collections::BTreeMap;

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

/// What an account nonce may cost, on its day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// The day, in days since 1970.
    pub day: u32,
    /// Wei: what the dearest of its attempts bids, and what the chain takes besides.
    pub amount: U256,
}

/// The budgets that a transaction read or changed: each is written once, however often it is changed.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    /// With whether they have to be written.
    used: BTreeMap<(WalletKey, u32), (Usage, bool)>,
}

/// What happens to an amount.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Booking {
    /// It is held back.
    Reserve,
    /// It is held back no more.
    Release,
    /// It was paid.
    Spend,
    /// It was not paid after all.
    Unspend,
}

impl Booking {
    const fn apply(self, amount: U256, Usage { reserved, spent }: Usage) -> Usage {
        match self {
            Self::Reserve => Usage { reserved: reserved.saturating_add(amount), spent },
            Self::Release => Usage { reserved: reserved.saturating_sub(amount), spent },
            Self::Spend => Usage { reserved, spent: spent.saturating_add(amount) },
            Self::Unspend => Usage { reserved, spent: spent.saturating_sub(amount) },
        }
    }
}

/// Books it for the wallet and for its chain.
pub(crate) async fn book(
    tx: &mut Transaction,
    wallet: WalletKey,
    reservation: Reservation,
    booking: Booking,
) -> Result<(), StoreError> {
    let Reservation { day, amount } = reservation;
    for key in burdened(wallet) {
        let usage = match tx.budgets.used.get(&(key, day)) {
            Some((usage, _)) => *usage,
            None => find(tx.connection(), key, day).await?,
        };
        tx.budgets.used.insert((key, day), (booking.apply(amount, usage), true));
    }
    Ok(())
}

/// Writes the budgets that were changed in a transaction.
pub(crate) async fn flush(tx: &mut Transaction) -> Result<(), StoreError> {
    let used = &mut tx.budgets.used;
    let changed = used.iter_mut().filter(|(_, (_, is_changed))| *is_changed);
    let changed: Vec<_> = changed
        .map(|(&(key, day), (usage, is_changed))| {
            *is_changed = false;
            (key, day, *usage)
        })
        .collect();
    for (key, day, usage) in changed {
        set(tx, key, day, usage).await?;
    }
    Ok(())
}

/// What wallets, by address, used of the days from `day` on. Nobody's is under [`WHOLE_CHAIN`], with all others.
pub(crate) async fn since(
    connection: &mut AnyConnection,
    chain_id: u64,
    day: u32,
) -> Result<Vec<(Address, u32, Usage)>, StoreError> {
    let query = sqlx::query("SELECT * FROM budgets WHERE chain_id = $1 AND day >= $2")
        .bind(int("chainId", chain_id)?)
        .bind(i64::from(day));
    let read = |row| {
        let fields = Fields::new(row, "budgets", &["chain_id", "wallet", "day"]);
        let usage = Usage { reserved: fields.u256("reserved")?, spent: fields.u256("spent")? };
        Ok((fields.address("wallet")?, fields.number("day")?, usage))
    };
    query.fetch_all(connection).await?.iter().map(read).collect()
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
