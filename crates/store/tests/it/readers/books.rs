//! What is true, the plain way: lists that are gone through.

use crate::database::Database;
use alloy::primitives::{Address, B256};
use eyre::{OptionExt as _, Result, ensure};
use serde_json::Value;
use sqlx::{Connection as _, Row as _};
use std::collections::BTreeMap;

/// An event, by its kind and what it is of.
pub(super) type What = (&'static str, Subject);

/// A proposal, or else a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Proposal(B256),
    Wallet(Address),
}

/// How often each event happened.
#[derive(Debug, Default)]
pub(super) struct Happened {
    /// As often as callers were told.
    pub(super) surely: BTreeMap<What, usize>,
    /// As often more at most: nobody was told.
    pub(super) perhaps: BTreeMap<What, usize>,
}

/// A row of `outbox`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) sequence: u64,
    pub(super) kind: String,
    pub(super) wallet: Address,
    pub(super) digest: Option<B256>,
    payload: Value,
}

impl Row {
    pub(super) fn subject(&self) -> Subject {
        self.digest.map_or(Subject::Wallet(self.wallet), Subject::Proposal)
    }

    /// The owners that it says the wallet has from then on.
    fn owners(&self) -> Option<Vec<Address>> {
        serde_json::from_value(self.payload["config"]["owners"].clone()).ok()
    }
}

/// All rows, in order.
pub(super) async fn rows(database: &Database) -> Result<Vec<Row>> {
    let mut intruder = database.intruder().await?;
    let query = "SELECT sequence, kind, wallet, digest, payload FROM outbox ORDER BY sequence";
    let mut rows = Vec::new();
    for row in sqlx::query(query).fetch_all(&mut intruder).await? {
        let (sequence, wallet): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(2)?);
        let digest: Option<Vec<u8>> = row.try_get(3)?;
        rows.push(Row {
            sequence: u64::try_from(sequence)?,
            kind: row.try_get(1)?,
            wallet: Address::from_slice(&wallet),
            digest: digest.map(|digest| B256::from_slice(&digest)),
            payload: serde_json::from_str(&row.try_get::<String, _>(4)?)?,
        });
    }
    intruder.close().await?;
    Ok(rows)
}

/// Whether the rows are what happened: nothing acknowledged is missing, nothing is there that nobody asked for.
pub(super) fn check_rows(rows: &[Row], happened: &Happened) -> Result<()> {
    ensure!(rows.iter().map(|row| row.sequence).eq(1..=rows.len() as u64), "there are gaps");
    let mut counts = BTreeMap::<(&str, Subject), usize>::new();
    for row in rows {
        *counts.entry((&row.kind, row.subject())).or_default() += 1;
    }
    for (what, least) in &happened.surely {
        let count = counts.get(what).copied().unwrap_or_default();
        ensure!(count >= *least, "{what:?} is there {count} times, {least} were acknowledged");
    }
    for (&(kind, subject), count) in &counts {
        let of = |list: &BTreeMap<What, usize>| {
            list.iter().find(|(known, _)| **known == (kind, subject)).map_or(0, |(_, times)| *times)
        };
        let most = of(&happened.surely) + of(&happened.perhaps);
        ensure!(
            *count <= most,
            "{kind} of {subject:?} is there {count} times, {most} at most happened"
        );
    }
    Ok(())
}

/// The sequences of what happened to the wallets that `owner` had then.
pub(super) fn of_owner(rows: &[Row], owner: Address) -> Vec<u64> {
    let mut owned = BTreeMap::<Address, bool>::new();
    let mut found = Vec::new();
    for row in rows {
        let before = owned.get(&row.wallet).copied().unwrap_or_default();
        let after = row.owners().map_or(before, |owners| owners.contains(&owner));
        owned.insert(row.wallet, after);
        if before || after {
            found.push(row.sequence);
        }
    }
    found
}

/// Whether each of `wanted` is in `told`, and what is told of one subject for the first time comes in order.
pub(super) fn check_told(name: &str, rows: &[Row], wanted: &[u64], told: &[u64]) -> Result<()> {
    let row = |sequence: u64| {
        let row = usize::try_from(sequence - 1).ok().and_then(|index| rows.get(index));
        row.ok_or_eyre("it never happened")
    };
    let mut is_told = vec![false; rows.len() + 1];
    let mut last = BTreeMap::<Subject, u64>::new();
    for &sequence in told {
        let subject = row(sequence)?.subject();
        if std::mem::replace(&mut is_told[sequence as usize], true) {
            continue;
        }
        let before = last.insert(subject, sequence);
        ensure!(before < Some(sequence), "{name}: {sequence} after {before:?} of {subject:?}");
    }
    let missing: Vec<_> =
        wanted.iter().filter(|sequence| !is_told[**sequence as usize]).take(5).collect();
    ensure!(missing.is_empty(), "{name} was not told {missing:?} of {}", wanted.len());
    Ok(())
}
