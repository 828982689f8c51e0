//! What belongs to many at once: to each its own, and nothing of others.

use crate::{
    database::{Database, on_both},
    sample::{
        CHAIN, NOW, account_nonce, attempt, leased, new_wallet, owner, proposal, proposal_of,
        request, signature, wallet,
    },
};
use alloy::primitives::B256;
use eyre::Result;
use quorate_core::{Nonce, Request};
use quorate_store::{
    EventFilter, NewAttempt, OpenNonce, ProposalFilter, Purpose, Storage, WalletFilter, WalletKey,
};
use std::collections::BTreeSet;

on_both!(
    wallets_are_found_by_their_names,
    only_open_proposals_hold_nonces,
    rivals_have_the_same_nonce_of_the_same_wallet_and_epoch,
    attempts_come_with_what_shares_their_fate,
    lists_can_be_of_some_wallets_alone,
);

async fn wallets_are_found_by_their_names(database: &Database) -> Result<()> {
    let store = database.open().await?;
    for number in 0..3 {
        store.register_wallet(new_wallet(number), NOW).await?;
    }
    let elsewhere = WalletKey { chain_id: CHAIN + 1, ..wallet(0) };
    let found = store.find_wallets(vec![wallet(2), elsewhere, wallet(0), wallet(7)]).await?;
    let found: BTreeSet<_> = found.into_iter().map(|wallet| wallet.key).collect();
    assert_eq!(found, BTreeSet::from([wallet(0), wallet(2)]));
    assert_eq!(store.find_wallets(Vec::new()).await?, []);
    // More than are bound at once.
    let many = (0..1_200).map(|number| WalletKey { chain_id: number, ..wallet(1) }).collect();
    assert_eq!(store.find_wallets(many).await?, []);
    Ok(())
}

async fn only_open_proposals_hold_nonces(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    store.register_wallet(new_wallet(1), NOW).await?;
    for sequence in [3, 4] {
        store.record_proposal(proposal(sequence), NOW).await?;
    }
    let rival = Request { deadline: 1_900_000_001, ..request(4) };
    let over = store.record_proposal(proposal_of(rival), NOW).await?.digest;
    let lease = leased(&store, "engine").await?;
    let status = quorate_core::Status::Expired;
    store.change_status(&lease, crate::sample::change(over, 1, status.clone()), NOW).await?;
    let five = store.record_proposal(proposal(5), NOW).await?.digest;
    store.change_status(&lease, crate::sample::change(five, 1, status), NOW).await?;
    let next = Request { epoch: 1, ..request(4) };
    store.record_proposal(proposal_of(next), NOW).await?;
    let mut open = store.open_nonces(vec![wallet(0), wallet(1)]).await?;
    open.sort_by_key(|open| (open.epoch, open.nonce));
    let open_at = |epoch, sequence| {
        let nonce = Nonce { sequence, ..request(0).nonce };
        OpenNonce { wallet: wallet(0), epoch, nonce }
    };
    assert_eq!(open, [open_at(0, 3), open_at(0, 4), open_at(1, 4)]);
    assert_eq!(store.open_nonces(vec![wallet(1)]).await?, []);
    assert_eq!(store.open_nonces(Vec::new()).await?, []);
    Ok(())
}

async fn rivals_have_the_same_nonce_of_the_same_wallet_and_epoch(
    database: &Database,
) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    store.register_wallet(new_wallet(1), NOW).await?;
    let mut digests = Vec::new();
    let of = |change: fn(&mut Request)| {
        let mut request = request(0);
        change(&mut request);
        request
    };
    for request in [
        of(|_| ()),
        of(|request| request.deadline += 1),
        of(|request| request.deadline += 2),
        of(|request| request.epoch = 1),
        of(|request| request.wallet = wallet(1).address),
        of(|request| request.nonce.sequence = 1),
    ] {
        digests.push(store.record_proposal(proposal_of(request), NOW).await?.digest);
    }
    let rivals = store.rivals_of(digests.clone()).await?;
    let (a, b, c) = (digests[0], digests[1], digests[2]);
    let of = |digest: B256| -> Vec<_> {
        rivals.iter().filter(|(of, _)| *of == digest).map(|(_, rival)| *rival).collect()
    };
    assert_eq!((of(a), of(b), of(c)), (vec![b, c], vec![a, c], vec![a, b]));
    assert_eq!(rivals.len(), 6);
    assert_eq!(store.rivals_of(vec![digests[3], B256::ZERO]).await?, []);
    Ok(())
}

async fn attempts_come_with_what_shares_their_fate(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    store.register_wallet(new_wallet(1), NOW).await?;
    let digest = store.record_proposal(proposal(0), NOW).await?.digest;
    let other = store.record_proposal(proposal(1), NOW).await?.digest;
    let lease = leased(&store, "engine").await?;
    let execute = Purpose::Execute { digest };
    let elsewhere = Some(wallet(1).address);
    let attempts = [
        NewAttempt { purpose: Purpose::Create, wallet: elsewhere, ..attempt(0, 0, 0) },
        NewAttempt { purpose: Purpose::Create, ..attempt(1, 0, 0) },
        NewAttempt { purpose: execute, ..attempt(2, 0, 0) },
        NewAttempt { purpose: execute, ..attempt(2, 1, 0) },
        attempt(2, 2, 0),
        NewAttempt { purpose: Purpose::Execute { digest: other }, ..attempt(3, 0, 0) },
    ];
    for attempt in attempts {
        store.record_attempt(&lease, attempt, NOW).await?;
    }
    let found = store.attempts_for(vec![digest, other]).await?;
    let of = |wanted: B256| -> Vec<_> {
        let of = found.iter().filter(|(digest, _)| *digest == wanted);
        of.map(|(_, found)| (found.account_nonce, found.number, found.purpose.word())).collect()
    };
    assert_eq!(
        of(digest),
        [
            (account_nonce(1), 0, "create"),
            (account_nonce(2), 0, "execute"),
            (account_nonce(2), 1, "execute"),
            (account_nonce(2), 2, "noop"),
        ]
    );
    assert_eq!(of(other), [(account_nonce(3), 0, "execute")]);
    assert_eq!(store.attempts_for(Vec::new()).await?, []);
    Ok(())
}

async fn lists_can_be_of_some_wallets_alone(database: &Database) -> Result<()> {
    let store = database.open().await?;
    for number in 0..3 {
        store.register_wallet(new_wallet(number), NOW).await?;
        let request = Request { wallet: wallet(number).address, ..request(0) };
        store.record_proposal(proposal_of(request), NOW).await?;
    }
    for (among, expected) in [
        (None, vec![0, 1, 2]),
        (Some(vec![wallet(2), wallet(0)]), vec![0, 2]),
        (Some(vec![WalletKey { chain_id: 1, ..wallet(0) }]), vec![]),
        (Some(vec![]), vec![]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(wallet).collect();
        let filter = WalletFilter { among: among.clone(), ..WalletFilter::default() };
        let wallets = store.list_wallets(filter, None, 10).await?.items;
        assert_eq!(wallets.iter().map(|found| found.key).collect::<Vec<_>>(), expected);
        let filter = ProposalFilter { among: among.clone(), ..ProposalFilter::default() };
        let mut proposals = store.list_proposals(filter, None, 10).await?.items;
        proposals.reverse();
        assert_eq!(proposals.iter().map(|p| p.wallet()).collect::<Vec<_>>(), expected);
        assert!(proposals.iter().all(|p| p.signatures.len() == 1), "each with its own signatures");
        let filter = ProposalFilter {
            awaiting: Some(owner(1)),
            among: among.clone(),
            ..ProposalFilter::default()
        };
        assert_eq!(store.list_proposals(filter, None, 10).await?.items.len(), expected.len());
        let filter = EventFilter { among, ..EventFilter::default() };
        let events = store.events_after(0, filter, 100).await?;
        let told: BTreeSet<_> = events.iter().map(|event| event.wallet).collect();
        assert_eq!(told, expected.into_iter().collect());
    }
    // Of two proposals each has its own signature.
    let second = store.record_proposal(proposal(1), NOW).await?.digest;
    store.accept_signature(second, signature(2, 2), NOW).await?;
    let listed = store.list_proposals(ProposalFilter::default(), None, 10).await?.items;
    assert_eq!(listed.iter().map(|p| p.signatures.len()).collect::<Vec<_>>(), [2, 1, 1, 1]);
    Ok(())
}
