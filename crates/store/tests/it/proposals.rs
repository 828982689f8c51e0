//! Proposals: their identity, their status, and rows that someone changed.

use crate::{
    database::{Database, on_both},
    sample::{
        NOW, new_wallet, owner, proposal, proposal_of, proposed, request, requests, signature,
        wallet,
    },
};
use alloy::primitives::{B256, U256};
use eyre::Result;
use quorate_store::{
    Accepted, Execution, Failure, NewProposal, ProposalFilter, Recorded, Status, StatusWord,
    Storage, StoreError, Transition, Waiting,
};

on_both!(
    every_kind_of_request_is_read_back,
    posting_again_changes_nothing,
    a_wallet_must_be_registered,
    open_proposals_are_limited_for_each_proposer,
    every_status_is_read_back,
    of_two_decisions_on_one_revision_one_counts,
    closed_statuses_only_go_back,
    lists_take_what_the_filter_says,
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
        assert_eq!(found.status, Status::Collecting { policy: false });
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
    store.transition(turn(digest, 0, Status::Expired), NOW).await?;
    store.record_proposal(limited(3), NOW).await?;
    Ok(())
}

fn turn(digest: B256, expected_revision: u64, status: Status) -> Transition {
    Transition { digest, expected_revision, status, is_final: false, failure: None }
}

fn executed() -> Status {
    Status::Executed(Execution {
        tx_hash: B256::repeat_byte(1),
        block_number: 12,
        block_hash: B256::repeat_byte(2),
        gas_used: 53_082,
        fee: U256::MAX,
    })
}

async fn every_status_is_read_back(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let failure = Failure {
        tx_hash: B256::repeat_byte(9),
        block_number: 3,
        reason: "\0 it \"failed\"".to_owned(),
    };
    let statuses = [
        Status::Collecting { policy: true },
        Status::Ready { waiting: None },
        Status::Ready { waiting: Some(Waiting::SenderIsOwner) },
        Status::Submitted,
        executed(),
        Status::Ready { waiting: Some(Waiting::Simulation) },
        Status::Superseded { by: None },
        Status::Superseded { by: Some(B256::repeat_byte(5)) },
        Status::Collecting { policy: false },
        Status::Expired,
    ];
    for (revision, status) in (0..).zip(statuses) {
        let is_final = status == Status::Expired;
        let failure = (revision == 3).then(|| failure.clone());
        let turn = Transition { is_final, failure, ..turn(digest, revision, status.clone()) };
        assert_eq!(store.transition(turn, NOW + 1).await?, revision + 1);
        let found = store.find_proposal(digest).await?.expect("it is stored");
        assert_eq!((found.status, found.is_final), (status, is_final));
        assert_eq!((found.revision, found.updated_at), (revision + 1, NOW + 1));
    }
    let found = store.find_proposal(digest).await?.expect("it is stored");
    assert_eq!(found.last_failure, Some(failure), "it stays until there is another");
    Ok(())
}

async fn of_two_decisions_on_one_revision_one_counts(database: &Database) -> Result<()> {
    let (one, other) = (database.open().await?, database.open().await?);
    let digest = proposed(&one).await?;
    let ready = turn(digest, 0, Status::Ready { waiting: None });
    let expired = turn(digest, 0, Status::Expired);
    let (ready, expired) = tokio::join!(one.transition(ready, NOW), other.transition(expired, NOW));
    let lost = [&ready, &expired].into_iter().find_map(|result| result.as_ref().err());
    assert!(matches!(lost, Some(StoreError::Conflict { expected: 0, actual: 1, .. })), "{lost:?}");
    assert!(ready.is_ok() != expired.is_ok());
    let unknown = B256::repeat_byte(0xee);
    let refused = one.transition(turn(unknown, 0, Status::Expired), NOW).await;
    assert_eq!(refused, Err(StoreError::UnknownProposal { digest: unknown }));
    Ok(())
}

async fn closed_statuses_only_go_back(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    store.transition(turn(digest, 0, executed()), NOW).await?;
    let refused = store.transition(turn(digest, 1, Status::Expired), NOW).await;
    let (from, to) = (Box::new(executed()), Box::new(Status::Expired));
    assert_eq!(refused, Err(StoreError::IllegalTransition { digest, from, to }));
    // Final in the same status, and back by a reorg.
    let settled = Transition { is_final: true, ..turn(digest, 1, executed()) };
    store.transition(settled, NOW).await?;
    store.transition(turn(digest, 2, Status::Submitted), NOW).await?;
    let events = store.events_after(0, Default::default(), 100).await?;
    let words: Vec<_> = events.iter().map(|event| event.kind.word()).collect();
    let expected = ["walletRegistered", "proposed", "signed", "status", "status", "reopened"];
    assert_eq!(words, expected);
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
    store.transition(turn(digests[2], 0, Status::Ready { waiting: None }), NOW).await?;
    let last = Transition { is_final: true, ..turn(digests[3], 0, Status::Expired) };
    store.transition(last, NOW).await?;
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
