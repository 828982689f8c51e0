//! Events: in the order of their commits, without gaps, each with what it tells.

use crate::{
    database::{Database, on_both},
    sample::{
        CHAIN, NOW, config, new_wallet, owner, proposal, proposal_of, request, signature, wallet,
    },
};
use alloy::primitives::{Address, Bytes};
use eyre::Result;
use quorate_core::{Config, Request};
use quorate_store::{Event, EventFilter, Storage, Store};
use std::{collections::BTreeSet, time::Duration};
use tokio::task::JoinSet;

on_both!(
    a_reader_misses_nothing_while_many_write,
    filters_take_what_they_say,
    an_owner_misses_no_event_however_rare,
    what_is_told_is_there,
);

const WRITERS: u64 = 16;
const EACH: u64 = 12;

async fn write(store: Store, writer: u64) -> Result<()> {
    for number in 0..EACH {
        let new = proposal(writer * EACH + number);
        let digest = store.record_proposal(new, NOW).await?.digest;
        store.accept_signature(digest, signature(1, 1), NOW).await?;
    }
    Ok(())
}

async fn a_reader_misses_nothing_while_many_write(database: &Database) -> Result<()> {
    let stores = [database.open().await?, database.open().await?];
    stores[0].register_wallet(new_wallet(0), NOW).await?;
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        tasks.spawn(write(stores[usize::from(writer % 2 == 0)].clone(), writer));
    }
    // One event of the wallet, and of each proposal itself and two signatures.
    let all = 1 + WRITERS * EACH * 3;
    let read = async {
        let mut seen = Vec::new();
        while (seen.len() as u64) < all {
            let last = seen.last().copied().unwrap_or(0);
            let events = stores[1].events_after(last, EventFilter::default(), 7).await?;
            for event in events {
                if let Some(digest) = event.digest {
                    // What it tells is there as soon as it is.
                    assert!(stores[1].find_proposal(digest).await?.is_some());
                }
                seen.push(event.sequence);
            }
        }
        eyre::Ok(seen)
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), read).await??;
    assert_eq!(seen, (1..=all).collect::<Vec<_>>());
    for written in tasks.join_all().await {
        written?;
    }
    assert_eq!(stores[0].last_event().await?, all);
    let proposals = stores[0].list_proposals(Default::default(), None, 1_000).await?.items;
    let digests: BTreeSet<_> = proposals.iter().map(|proposal| proposal.digest).collect();
    assert_eq!(digests.len() as u64, WRITERS * EACH);
    Ok(())
}

async fn filters_take_what_they_say(database: &Database) -> Result<()> {
    let store = database.open().await?;
    for number in 0..2 {
        store.register_wallet(new_wallet(number), NOW + i64::from(number)).await?;
    }
    let of_other = Request { wallet: wallet(1).address, ..request(0) };
    let digest = store.record_proposal(proposal_of(of_other), NOW).await?.digest;
    let list = async |filter| -> Result<Vec<u64>> {
        let events = store.events_after(0, filter, 100).await?;
        Ok(events.iter().map(|event| event.sequence).collect())
    };
    let all = EventFilter::default;
    assert_eq!(list(all()).await?, [1, 2, 3, 4]);
    assert_eq!(list(EventFilter { address: Some(wallet(1).address), ..all() }).await?, [2, 3, 4]);
    assert_eq!(list(EventFilter { chain_id: Some(CHAIN + 1), ..all() }).await?, [0; 0]);
    assert_eq!(list(EventFilter { owner: Some(owner(2)), ..all() }).await?, [1, 2, 3, 4]);
    assert_eq!(list(EventFilter { owner: Some(owner(3)), ..all() }).await?, [0; 0]);
    let event = &store.events_after(2, all(), 1).await?[0];
    assert_eq!((event.sequence, event.digest, event.wallet), (3, Some(digest), wallet(1)));
    assert_eq!((event.at, event.kind.word()), (NOW, "proposed"));
    Ok(())
}

async fn an_owner_misses_no_event_however_rare(database: &Database) -> Result<()> {
    let store = database.open().await?;
    for number in 0..2 {
        store.register_wallet(new_wallet(number), NOW).await?;
    }
    let next = Config::new(1, vec![owner(5)], Address::ZERO, Bytes::new())?;
    for epoch in 1..=90 {
        // Now and then one of the wallet that another owns.
        let number = u8::from([1, 2, 40, 90].contains(&epoch));
        let config = if number == 1 { next.clone() } else { config() };
        store.record_config(wallet(number), config, epoch, NOW).await?;
    }
    let all = store.events_after(0, EventFilter::default(), 1_000).await?;
    for (by, number) in [(5, 1), (1, 0), (7, 9)] {
        let filter = EventFilter { owner: Some(owner(by)), ..EventFilter::default() };
        for limit in [1, 2, 3, 10, 1_000] {
            for after in [0, 1, 4, 41, 42, 43, 91, 92, 93] {
                let found = store.events_after(after, filter.clone(), limit).await?;
                // Owner 1 had the other wallet too, up to the event that says that it has it no longer.
                let is_theirs = |event: &&Event| {
                    let had = by == 1 && event.wallet == wallet(1) && event.sequence <= 3;
                    event.sequence > after && (event.wallet == wallet(number) || had)
                };
                let expected = all.iter().filter(is_theirs);
                let expected: Vec<_> = expected.take(limit as usize).cloned().collect();
                assert_eq!(found, expected, "owner {by}, {limit} behind {after}");
            }
        }
    }
    Ok(())
}

async fn what_is_told_is_there(database: &Database) -> Result<()> {
    const PROPOSALS: u64 = 40;
    let (store, reader) = (database.open().await?, database.open().await?);
    let mut told = store.told();
    assert_eq!((*told.borrow_and_update(), *reader.told().borrow()), (0, 0));
    store.register_wallet(new_wallet(0), NOW).await?;
    assert_eq!(*told.borrow(), 1, "it moved before the caller was answered");
    let unknown = Request { wallet: wallet(1).address, ..request(0) };
    assert!(store.record_proposal(proposal_of(unknown), NOW).await.is_err());
    assert_eq!(*told.borrow(), 1, "what failed is not told");
    let mut tasks = JoinSet::new();
    for sequence in 0..PROPOSALS {
        let store = store.clone();
        tasks.spawn(async move { store.record_proposal(proposal(sequence), NOW).await });
    }
    let follow = async {
        let mut last = 0;
        while last < 1 + PROPOSALS * 2 {
            told.changed().await?;
            let next = *told.borrow_and_update();
            assert!(next >= last, "{next} after {last}");
            // On another connection, of another process for all that it knows.
            assert!(reader.last_event().await? >= next);
            let events = reader.events_after(last, EventFilter::default(), 1_000).await?;
            assert!(events.iter().any(|event| event.sequence == next) || next == last);
            last = next;
        }
        eyre::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(60), follow).await??;
    for stored in tasks.join_all().await {
        stored?;
    }
    assert_eq!(*reader.told().borrow(), 0, "what others write is not told");
    Ok(())
}
