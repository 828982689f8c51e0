//! Proposals: their identity, their status, and rows that someone changed.

use crate::{
    database::{Database, on_both},
    sample::{
        CHAIN, NOW, block, change, config, leased, new_wallet, owner, proposal, proposal_of,
        proposed, request, requests, signature, wallet,
    },
};
use alloy::primitives::B256;
use eyre::Result;
use quorate_core::{
    Reason, Request, Status,
    status::{Failure, FailureReason, StatusChange, StatusWord},
};
use quorate_store::{Accepted, NewProposal, ProposalFilter, Recorded, Storage, StoreError};

on_both!(
    every_kind_of_request_is_read_back,
    posting_again_changes_nothing,
    a_wallet_must_be_registered,
    open_proposals_are_limited_for_each_proposer,
    every_status_is_read_back,
    of_two_changes_to_one_revision_one_counts,
    an_earlier_revision_changes_nothing,
    a_reorg_takes_back_what_closed_it,
    lists_take_what_the_filter_says,
    an_owner_is_awaited_while_it_can_sign,
    a_changed_row_is_refused_by_name,
);

async fn every_kind_of_request_is_read_back(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    for request in requests() {
        let note = Some("\0 \u{202e} Löhne 🦀 '; DROP TABLE proposals".to_owned());
        let proposal = NewProposal { note: note.clone(), ..proposal_of(request.clone()) };
        let recorded = store.record_proposal(proposal, NOW).await?;
        assert_eq!((recorded.recorded, recorded.signature), (Recorded::New, Accepted::New));
        let found = store.find_proposal(recorded.digest).await?.expect("it is stored");
        assert_eq!(
            (&found.request, found.digest, &found.note),
            (&request, request.digest(), &note)
        );
        assert_eq!(found.status, Status::Collecting { reason: None });
        assert_eq!((found.ready_order, found.failures), (None, Vec::new()));
        assert_eq!((found.revision, found.is_final, found.proposer), (0, false, owner(0)));
        assert_eq!(found.signatures.len(), 1);
    }
    Ok(())
}

async fn posting_again_changes_nothing(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let before = (store.find_proposal(digest).await?, store.audit_head().await?);
    let other_note = NewProposal { note: Some("other".to_owned()), ..proposal(0) };
    let again = store.record_proposal(other_note, NOW + 5).await?;
    assert_eq!((again.recorded, again.signature), (Recorded::Known, Accepted::Known));
    assert_eq!((store.find_proposal(digest).await?, store.audit_head().await?), before);
    // By another owner it brings a signature.
    let by_other = NewProposal { signature: signature(1, 1), ..proposal(0) };
    let again = store.record_proposal(by_other, NOW + 5).await?;
    assert_eq!((again.recorded, again.signature), (Recorded::Known, Accepted::New));
    Ok(())
}

async fn a_wallet_must_be_registered(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let refused = store.record_proposal(proposal(0), NOW).await;
    assert_eq!(refused, Err(StoreError::UnknownWallet { wallet: wallet(0) }));
    assert_eq!(store.last_event().await?, 0);
    Ok(())
}

async fn open_proposals_are_limited_for_each_proposer(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let limited = |sequence| NewProposal { limit_open: Some(2), ..proposal(sequence) };
    store.record_proposal(limited(1), NOW).await?;
    let refused = store.record_proposal(limited(2), NOW).await;
    assert_eq!(refused, Err(StoreError::TooManyOpen { owner: owner(0), open: 2, limit: 2 }));
    // One that is known may always be posted again, and another proposer has a count of its own.
    store.record_proposal(limited(1), NOW).await?;
    let by_other = NewProposal { signature: signature(1, 1), ..limited(2) };
    store.record_proposal(by_other, NOW).await?;
    let lease = leased(&store, "engine").await?;
    store.change_status(&lease, change(digest, 1, Status::Expired), NOW).await?;
    store.record_proposal(limited(3), NOW).await?;
    Ok(())
}

fn executed(by: u8) -> Status {
    Status::Executed { tx_hash: B256::repeat_byte(by), block: block(12) }
}

fn failure(number: u8, reason: FailureReason) -> Failure {
    Failure { tx_hash: B256::repeat_byte(number), block: block(number.into()), reason }
}

async fn every_status_is_read_back(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let lease = leased(&store, "engine").await?;
    let ready = Reason::ALL.map(|reason| Status::Ready { reason: Some(reason) });
    let statuses = [
        Status::Collecting { reason: Some(Reason::Policy) },
        Status::Ready { reason: None },
        Status::Submitted,
        executed(1),
        Status::Superseded { by: None },
        Status::Superseded { by: Some(B256::repeat_byte(5)) },
        Status::Collecting { reason: None },
        Status::Expired,
    ];
    for (revision, status) in (1..).zip(ready.into_iter().chain(statuses)) {
        let is_final = status == Status::Expired;
        let ready_order = (revision > 1).then_some(revision * 10);
        // They come and, by a reorg, go.
        let reverted = failure(revision as u8, FailureReason::Reverted);
        let failures = match revision % 3 {
            0 => vec![],
            1 => vec![reverted],
            _ => vec![failure(0, FailureReason::NoEffect), reverted],
        };
        let new = change(digest, revision, status);
        let new = StatusChange { is_final, ready_order, failures, ..new };
        assert_eq!(store.change_status(&lease, new.clone(), NOW + 1).await?, Recorded::New);
        let found = store.find_proposal(digest).await?.expect("it is stored");
        assert_eq!((found.status, found.is_final), (new.status, is_final));
        assert_eq!((found.ready_order, found.failures), (ready_order, new.failures));
        assert_eq!((found.revision, found.updated_at), (revision, NOW + 1));
    }
    Ok(())
}

async fn of_two_changes_to_one_revision_one_counts(database: &Database) -> Result<()> {
    let (one, other) = (database.open().await?, database.open().await?);
    let digest = proposed(&one).await?;
    let lease = leased(&one, "engine").await?;
    let ready = change(digest, 1, Status::Ready { reason: None });
    let expired = change(digest, 1, Status::Expired);
    let (first, second) = tokio::join!(
        one.change_status(&lease, ready.clone(), NOW),
        other.change_status(&lease, expired.clone(), NOW)
    );
    let winner = match (first?, second?) {
        (Recorded::New, Recorded::Known) => ready.status,
        (Recorded::Known, Recorded::New) => expired.status,
        both => panic!("{both:?}"),
    };
    assert_eq!(one.find_proposal(digest).await?.expect("it is stored").status, winner);
    let unknown = B256::repeat_byte(0xee);
    let refused = one.change_status(&lease, change(unknown, 1, Status::Expired), NOW).await;
    assert_eq!(refused, Err(StoreError::UnknownProposal { digest: unknown }));
    Ok(())
}

async fn an_earlier_revision_changes_nothing(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let lease = leased(&store, "engine").await?;
    // One that was not stored leaves a gap, which the next one closes.
    store.change_status(&lease, change(digest, 5, Status::Submitted), NOW).await?;
    let state = async || -> Result<_> {
        let found = store.find_proposal(digest).await?.expect("it is stored");
        Ok((found, store.last_event().await?, store.audit_head().await?))
    };
    let before = state().await?;
    assert_eq!(before.0.revision, 5);
    for revision in [0, 1, 4, 5] {
        let early = change(digest, revision, Status::Expired);
        assert_eq!(store.change_status(&lease, early, NOW + 1).await?, Recorded::Known);
        assert_eq!(state().await?, before);
    }
    let new = change(digest, 6, Status::Expired);
    assert_eq!(store.change_status(&lease, new, NOW + 1).await?, Recorded::New);
    Ok(())
}

async fn a_reorg_takes_back_what_closed_it(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let lease = leased(&store, "engine").await?;
    let told = store.last_event().await?;
    let steps = [
        (executed(1), false, "status"),
        (executed(1), true, "status"),
        // In another transaction, then not at all, then another action took its nonce.
        (executed(2), false, "status"),
        (Status::Superseded { by: None }, false, "reopened"),
        (Status::Superseded { by: Some(digest) }, false, "status"),
        (Status::Submitted, false, "reopened"),
        (Status::Expired, true, "status"),
    ];
    for (revision, (status, is_final, _)) in (1..).zip(&steps) {
        let new = change(digest, revision, status.clone());
        store.change_status(&lease, StatusChange { is_final: *is_final, ..new }, NOW).await?;
    }
    let events = store.events_after(told, Default::default(), 100).await?;
    let words = events.iter().map(|event| event.kind.word());
    assert!(words.eq(steps.map(|(_, _, word)| word)), "{events:?}");
    Ok(())
}

async fn lists_take_what_the_filter_says(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    let mut digests = Vec::new();
    for sequence in 0..5 {
        digests.push(store.record_proposal(proposal(sequence), NOW).await?.digest);
    }
    store.accept_signature(digests[1], signature(1, 1), NOW).await?;
    let lease = leased(&store, "engine").await?;
    let ready = change(digests[2], 1, Status::Ready { reason: None });
    store.change_status(&lease, ready, NOW).await?;
    let last = StatusChange { is_final: true, ..change(digests[3], 1, Status::Expired) };
    store.change_status(&lease, last, NOW).await?;
    let list = async |filter: ProposalFilter| -> Result<Vec<usize>> {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = store.list_proposals(filter.clone(), before, 2).await?;
            for proposal in &page.items {
                assert!(!proposal.signatures.is_empty());
                found.extend(digests.iter().position(|&digest| digest == proposal.digest));
            }
            before = page.next;
            if before.is_none() {
                return Ok(found);
            }
        }
    };
    let all = ProposalFilter::default;
    assert_eq!(list(all()).await?, [4, 3, 2, 1, 0]);
    let of_wallet = ProposalFilter { wallet: Some(wallet(0).address), ..all() };
    assert_eq!(list(of_wallet).await?, [4, 3, 2, 1, 0]);
    assert_eq!(list(ProposalFilter { chain_id: Some(5), ..all() }).await?, [0; 0]);
    let ready = ProposalFilter { status: Some(StatusWord::Ready), ..all() };
    assert_eq!(list(ready).await?, [2]);
    assert_eq!(list(ProposalFilter { is_final: Some(true), ..all() }).await?, [3]);
    assert_eq!(list(ProposalFilter { is_final: Some(false), ..all() }).await?, [4, 2, 1, 0]);
    let rivals = ProposalFilter { nonce: Some(request(4).nonce), ..all() };
    assert_eq!(list(rivals).await?, [4]);
    assert_eq!(list(ProposalFilter { awaiting: Some(owner(1)), ..all() }).await?, [4, 0]);
    assert_eq!(list(ProposalFilter { awaiting: Some(owner(0)), ..all() }).await?, [0; 0]);
    assert_eq!(list(ProposalFilter { awaiting: Some(owner(7)), ..all() }).await?, [0; 0]);
    Ok(())
}

async fn an_owner_is_awaited_while_it_can_sign(database: &Database) -> Result<()> {
    let store = database.open().await?;
    for number in 0..2 {
        store.register_wallet(new_wallet(number), NOW).await?;
    }
    let elsewhere = Request { wallet: wallet(1).address, ..request(0) };
    let requests = [request(0), request(1), request(2), elsewhere];
    let mut digests = Vec::new();
    for request in requests {
        digests.push(store.record_proposal(proposal_of(request), NOW).await?.digest);
    }
    let lease = leased(&store, "engine").await?;
    for (number, status) in [(1, Status::Submitted), (2, Status::Expired)] {
        store.change_status(&lease, change(digests[number], 1, status), NOW).await?;
    }
    let list = async |by: u8, status, chain_id| -> Result<Vec<usize>> {
        let awaiting = Some(owner(by));
        let filter = ProposalFilter { awaiting, status, chain_id, ..ProposalFilter::default() };
        let found = store.list_proposals(filter, None, 10).await?.items;
        let place = |digest| digests.iter().position(|other| *other == digest);
        Ok(found.iter().filter_map(|proposal| place(proposal.digest)).collect())
    };
    assert_eq!(list(1, None, None).await?, [3, 0]);
    assert_eq!(list(1, None, Some(CHAIN)).await?, [3, 0]);
    assert_eq!(list(1, None, Some(CHAIN + 1)).await?, [0; 0]);
    assert_eq!(list(1, Some(StatusWord::Submitted), None).await?, [1]);
    assert_eq!(list(1, Some(StatusWord::Expired), None).await?, [0; 0], "it is closed");
    assert_eq!(list(0, None, None).await?, [0; 0], "it signed");
    store.accept_signature(digests[0], signature(1, 1), NOW).await?;
    assert_eq!(list(1, None, None).await?, [3]);
    assert_eq!(list(2, None, None).await?, [3, 0]);
    // The epoch that they are of ends, for the same owners.
    store.record_config(wallet(1), config(), 1, NOW).await?;
    assert_eq!(list(2, None, None).await?, [0]);
    Ok(())
}

async fn a_changed_row_is_refused_by_name(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let changes = [
        (
            "UPDATE proposals SET deadline = deadline + 1",
            "UPDATE proposals SET deadline = deadline - 1",
        ),
        (
            "UPDATE proposals SET action = REPLACE(action, 'payout', 'payoff')",
            "UPDATE proposals SET action = REPLACE(action, 'payoff', 'payout')",
        ),
        ("UPDATE proposals SET epoch = epoch - 1", "UPDATE proposals SET epoch = epoch + 1"),
        ("UPDATE proposals SET status = 'done'", "UPDATE proposals SET status = 'collecting'"),
        ("UPDATE proposals SET reason = 'budget'", "UPDATE proposals SET reason = NULL"),
        ("UPDATE proposals SET failures = '[{}]'", "UPDATE proposals SET failures = '[]'"),
        ("UPDATE signatures SET kind = 'approved'", "UPDATE signatures SET kind = 'ecdsa'"),
    ];
    for (change, back) in changes {
        database.tamper(change).await?;
        let found = store.find_proposal(digest).await;
        let listed = store.list_proposals(ProposalFilter::default(), None, 10).await.map(|_| None);
        for refused in [found, listed] {
            let Err(StoreError::Corrupt { table, row, .. }) = refused else {
                panic!("{change}: {refused:?}");
            };
            assert!(row.starts_with(&digest.to_string()), "{change}: {table} {row}");
        }
        database.tamper(back).await?;
    }
    assert!(store.find_proposal(digest).await?.is_some());
    Ok(())
}
