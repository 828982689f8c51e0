//! What an engine begins with, and whether the operator paused it.

use crate::{
    database::{Database, on_both},
    sample::{
        CHAIN, NOW, attempt, change, foreign, leased, mined, new_wallet, proposal, proposal_of,
        request, signature, wallet,
    },
};
use alloy::primitives::U256;
use eyre::Result;
use quorate_core::{Request, Status, status::StatusChange};
use quorate_store::{
    BudgetRecord, ChainRecords, Horizon, NewAttempt, NewWallet, Recorded, Reservation, Storage,
    Store, Usage, WalletKey,
};
use sqlx::Row as _;

on_both!(
    an_engine_begins_with_what_is_not_over,
    a_chain_knows_nothing_of_another,
    records_are_of_one_moment,
    a_pause_lasts_until_it_is_ended,
);

const DAY: u32 = 20_833;

async fn records(store: &Store, since: i64) -> Result<ChainRecords> {
    Ok(store.chain_records(CHAIN, Horizon { since, day: DAY }).await?)
}

fn sequences(records: &ChainRecords) -> Vec<u64> {
    records.proposals.iter().map(|found| found.request.nonce.to_u256().to()).collect()
}

fn places(records: &ChainRecords) -> Vec<(u64, u32)> {
    records.attempts.iter().map(|found| (found.account_nonce.nonce, found.number)).collect()
}

async fn an_engine_begins_with_what_is_not_over(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    for number in [1, 0] {
        store.register_wallet(new_wallet(number), NOW).await?;
    }
    // Open; closed, and not for good; final early, and late.
    for sequence in 0..4 {
        let digest = store.record_proposal(proposal(sequence), NOW).await?.digest;
        if sequence > 0 {
            let is_final = sequence > 1;
            let new = StatusChange { is_final, ..change(digest, 1, Status::Expired) };
            store.change_status(&lease, new, NOW + sequence as i64 * 10).await?;
        }
    }
    store.accept_signature(request(0).digest(), signature(1, 1), NOW).await?;
    for (nonce, number) in [(4, 0), (0, 0), (0, 1), (1, 0), (2, 0)] {
        let reservation = Reservation { day: DAY - 1 + nonce as u32 % 3, amount: U256::from(5) };
        let new = NewAttempt { reservation, ..attempt(nonce, number, 0) };
        store.record_attempt(&lease, new, NOW).await?;
    }
    store.settle_nonce(&lease, mined(&attempt(0, 1, 0), 3), NOW + 20).await?;
    store.settle_nonce(&lease, foreign(1), NOW + 30).await?;
    store.close().await;

    let store = database.open().await?;
    let all = records(&store, NOW + 20).await?;
    assert_eq!(all.wallets.iter().map(|found| found.key).collect::<Vec<_>>(), [0, 1].map(wallet));
    assert_eq!(sequences(&all), [0, 1, 2, 3], "those at the horizon are within it");
    assert_eq!(places(&all), [(0, 0), (0, 1), (1, 0), (2, 0), (4, 0)]);
    let some = records(&store, NOW + 21).await?;
    assert_eq!((sequences(&some), places(&some)), (vec![0, 1, 3], vec![(1, 0), (2, 0), (4, 0)]));
    let open = records(&store, NOW + 31).await?;
    assert_eq!((sequences(&open), places(&open)), (vec![0, 1], vec![(2, 0), (4, 0)]));
    for found in &all.proposals {
        assert_eq!(Some(found), store.find_proposal(found.digest).await?.as_ref());
    }
    assert_eq!(all.proposals[0].signatures.len(), 2);
    for found in &all.attempts {
        let known = store.find_attempt(CHAIN, found.tx_hash).await?;
        assert_eq!(Some(found), known.as_ref());
    }
    assert_eq!((all.last_event, all.is_paused), (store.last_event().await?, false));
    check_budgets(&store).await
}

/// Nonce 0 is of the day before [`DAY`], 1 and 4 of that day, 2 of the one after it; 0 and 1 are settled.
async fn check_budgets(store: &Store) -> Result<()> {
    let own = Some(wallet(0).address);
    let budgets = [(DAY - 1, (0, 3)), (DAY, (5, 0)), (DAY + 1, (5, 0))];
    for since in DAY - 1..=DAY + 2 {
        let horizon = Horizon { since: NOW, day: since };
        let mut found = store.chain_records(CHAIN, horizon).await?.budgets;
        found.sort_by_key(|budget| (budget.day, budget.wallet));
        let within = budgets.into_iter().filter(|(day, _)| *day >= since);
        let expected: Vec<_> = within
            .flat_map(|(day, (reserved, spent))| {
                let usage = Usage { reserved: U256::from(reserved), spent: U256::from(spent) };
                [None, own].map(|wallet| BudgetRecord { wallet, day, usage })
            })
            .collect();
        assert_eq!(found, expected, "since {since}");
    }
    Ok(())
}

async fn a_chain_knows_nothing_of_another(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    let key = WalletKey { chain_id: CHAIN + 1, ..wallet(0) };
    store.register_wallet(NewWallet { key, ..new_wallet(0) }, NOW).await?;
    let elsewhere = Request { chain_id: CHAIN + 1, ..request(0) };
    store.record_proposal(proposal_of(elsewhere), NOW).await?;
    let mut new = attempt(0, 0, 0);
    new.account_nonce.chain_id = CHAIN + 1;
    new.reservation = Reservation { day: DAY, amount: U256::from(1) };
    store.record_attempt(&lease, new, NOW).await?;
    store.set_paused(CHAIN + 1, true, NOW).await?;
    let nothing = ChainRecords {
        wallets: vec![],
        proposals: vec![],
        attempts: vec![],
        budgets: vec![],
        is_paused: false,
        last_event: store.last_event().await?,
    };
    assert_eq!(records(&store, NOW).await?, nothing);
    let there = store.chain_records(CHAIN + 1, Horizon { since: NOW, day: DAY }).await?;
    let counts = (there.wallets.len(), there.proposals.len(), there.attempts.len());
    assert_eq!((counts, there.budgets.len(), there.is_paused), ((1, 1, 1), 2, true));
    Ok(())
}

async fn records_are_of_one_moment(database: &Database) -> Result<()> {
    const PROPOSALS: u64 = 60;
    let (writer, reader) = (database.open().await?, database.open().await?);
    writer.register_wallet(new_wallet(0), NOW).await?;
    let writing = tokio::spawn(async move {
        for sequence in 0..PROPOSALS {
            writer.record_proposal(proposal(sequence), NOW).await?;
        }
        eyre::Ok(())
    });
    loop {
        let found = records(&reader, NOW).await?;
        let proposals = found.proposals.len() as u64;
        // One event of the wallet, two of each proposal.
        assert_eq!(found.last_event, 1 + proposals * 2);
        assert!(found.proposals.iter().all(|proposal| proposal.signatures.len() == 1));
        if proposals == PROPOSALS || writing.is_finished() {
            break;
        }
    }
    writing.await??;
    assert_eq!(records(&reader, NOW).await?.proposals.len() as u64, PROPOSALS);
    Ok(())
}

async fn a_pause_lasts_until_it_is_ended(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let set = async |is_paused| store.set_paused(CHAIN, is_paused, NOW).await;
    assert_eq!(set(false).await?, Recorded::Known, "it is not paused by itself");
    assert_eq!((set(true).await?, set(true).await?), (Recorded::New, Recorded::Known));
    let again = database.open().await?;
    assert!(again.is_paused(CHAIN).await? && records(&again, NOW).await?.is_paused);
    assert!(!again.is_paused(CHAIN + 1).await?);
    assert_eq!(set(false).await?, Recorded::New);
    assert!(!again.is_paused(CHAIN).await? && !records(&again, NOW).await?.is_paused);
    let mut intruder = database.intruder().await?;
    let query = sqlx::query("SELECT kind, payload FROM audit ORDER BY sequence");
    let rows = query.fetch_all(&mut intruder).await?;
    let rows: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let row = |kind: &str| (kind.to_owned(), format!("{{\"chainId\":{CHAIN}}}"));
    assert_eq!(rows, [row("paused"), row("resumed")]);
    Ok(())
}
