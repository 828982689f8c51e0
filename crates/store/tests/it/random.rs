//! Random intentions: the store answers and ends as its model does.

use crate::{
    database::Database,
    model::{Intention, LIMIT, Model, fee, intention},
    sample::{
        CHAIN, NOW, account_nonce, attempt, ecdsa, inclusion, new_wallet, owner, proposal_of,
        request, wallet,
    },
};
use alloy::primitives::{B256, U256};
use eyre::Result;
use proptest::{collection::vec, prelude::*};
use quorate_store::{
    Accepted, AttemptChange, AttemptState, AuditReport, Lease, LeaseAnswer, MinedAttempt,
    NewAttempt, NewProposal, NewSignature, Recorded, Reservation, Settlement, Status, Storage,
    Store, StoreError, Transition,
};
use std::collections::BTreeMap;

const DAY: u32 = 20_000;

fn status(number: u8) -> Status {
    match number {
        0 => Status::Collecting { policy: false },
        1 => Status::Ready { waiting: None },
        2 => Status::Submitted,
        3 => Status::Expired,
        _ => Status::Superseded { by: Some(B256::ZERO) },
    }
}

fn holder(number: u8) -> String {
    format!("engine {number}")
}

fn named(error: &StoreError) -> &'static str {
    match error {
        StoreError::UnknownWallet { .. } => "unknown wallet",
        StoreError::UnknownProposal { .. } => "unknown proposal",
        StoreError::UnknownAttempt { .. } => "unknown attempt",
        StoreError::Conflict { .. } => "conflict",
        StoreError::IllegalTransition { .. } => "illegal",
        StoreError::TooManyOpen { .. } => "too many",
        StoreError::LeaseLost { .. } => "lease lost",
        StoreError::Lost { .. } => "lost",
        StoreError::Gap { .. } => "gap",
        StoreError::Settled { .. } => "settled",
        StoreError::OverBudget { .. } => "over budget",
        other => panic!("{other}"),
    }
}

const fn recorded(recorded: Recorded) -> &'static str {
    match recorded {
        Recorded::New => "new",
        Recorded::Known => "known",
    }
}

const fn accepted(accepted: Accepted) -> &'static str {
    match accepted {
        Accepted::New => "new",
        Accepted::Known => "known",
        Accepted::Replaced => "replaced",
        Accepted::Kept => "kept",
    }
}

fn request_of(number: u8, sequence: u8) -> quorate_core::Request {
    quorate_core::Request { wallet: wallet(number).address, ..request(sequence.into()) }
}

/// Asks the store the same; `holders` has who got each epoch.
async fn ask(
    store: &Store,
    intention: &Intention,
    holders: &mut BTreeMap<u64, String>,
) -> Result<&'static str, StoreError> {
    let lease = |epoch: u64| Lease {
        holder: holders.get(&epoch).cloned().unwrap_or_default(),
        epoch,
        expires_at: 0,
    };
    let signature = |by, number, replaces: Option<u8>| NewSignature {
        owner: owner(by),
        signature: ecdsa(number),
        verified: true,
        replaces: replaces.map(ecdsa),
    };
    match *intention {
        Intention::Register { wallet } => {
            store.register_wallet(new_wallet(wallet), NOW).await.map(recorded)
        }
        Intention::Propose { wallet, sequence, by, signature: number, limit } => {
            let new = NewProposal {
                signature: signature(by, number, None),
                limit_open: Some(limit),
                ..proposal_of(request_of(wallet, sequence))
            };
            Ok(accepted(store.record_proposal(new, NOW).await?.signature))
        }
        Intention::Sign { wallet, sequence, by, signature: number, replaces } => {
            let digest = request_of(wallet, sequence).digest();
            let new = signature(by, number, replaces);
            store.accept_signature(digest, new, NOW).await.map(accepted)
        }
        Intention::Move { wallet, sequence, revision, to } => {
            let transition = Transition {
                digest: request_of(wallet, sequence).digest(),
                expected_revision: revision,
                status: status(to),
                is_final: false,
                failure: None,
            };
            store.transition(transition, NOW).await.map(|_| "moved")
        }
        Intention::Acquire { holder: number, at } => {
            match store.acquire_lease(holder(number), 10, at).await? {
                LeaseAnswer::Acquired(lease) => {
                    holders.insert(lease.epoch, lease.holder);
                    Ok("acquired")
                }
                LeaseAnswer::Held(_) => Ok("held"),
            }
        }
        Intention::Attempt { epoch, nonce, number, salt, chain_nonce, cost } => {
            let reservation = Reservation {
                day: DAY,
                amount: U256::from(cost),
                wallet_limit: Some(U256::from(LIMIT)),
                chain_limit: None,
            };
            let new = NewAttempt {
                chain_nonce,
                reservation: Some(reservation),
                ..attempt(nonce, number, salt)
            };
            store.record_attempt(&lease(epoch), new, None, NOW).await.map(recorded)
        }
        Intention::Mark { epoch, nonce, number, revision } => {
            let change = AttemptChange {
                account_nonce: account_nonce(nonce),
                number,
                expected_revision: revision,
                state: AttemptState::Accepted,
            };
            store.mark_attempt(&lease(epoch), change, NOW).await.map(|_| "marked")
        }
        Intention::Settle { epoch, nonce, mined } => {
            let mined = mined.map(|number| MinedAttempt {
                number,
                is_reverted: false,
                inclusion: inclusion(fee(nonce)),
            });
            let settlement = Settlement { account_nonce: account_nonce(nonce), mined };
            store.settle_nonce(&lease(epoch), settlement, NOW).await.map(|()| "settled")
        }
    }
}

/// What the store has is what the model has.
async fn compare(store: &Store, model: &Model) -> Result<()> {
    let proposals = store.list_proposals(Default::default(), None, 1_000).await?.items;
    assert_eq!(proposals.len(), model.proposals.len());
    for (&(wallet, sequence), expected) in &model.proposals {
        let digest = request_of(wallet, sequence).digest();
        let found = store.find_proposal(digest).await?.expect("it is stored");
        assert_eq!(found.status, status(expected.status));
        assert_eq!((found.revision, found.proposer), (expected.revision, owner(expected.by)));
        let signatures = found.signatures.into_iter().map(|kept| (kept.owner, kept.signature));
        let expected = expected.signatures.iter().map(|(&by, &number)| (owner(by), ecdsa(number)));
        assert!(signatures.eq(expected));
    }
    let sender = account_nonce(0).sender;
    assert_eq!(store.next_account_nonce(CHAIN, sender).await?, model.next);
    for (&nonce, expected) in &model.attempts {
        let found = store.attempts_at(account_nonce(nonce)).await?;
        let found: Vec<_> =
            found.iter().map(|a| (a.state.word(), a.is_final, a.revision)).collect();
        let expected: Vec<_> = expected.iter().map(|a| (a.word, a.is_final, a.revision)).collect();
        assert_eq!(found, expected);
    }
    let usage = store.budget_usage(CHAIN, Some(wallet(0).address), DAY).await?;
    assert_eq!(
        (usage.reserved, usage.spent),
        (U256::from(model.reserved), U256::from(model.spent))
    );
    let report = store.verify_audit(Some(store.audit_head().await?)).await?;
    assert!(matches!(report, AuditReport::Whole { .. }), "{report:?}");
    Ok(())
}

async fn check(intentions: Vec<Intention>) -> Result<()> {
    let database = Database::sqlite()?;
    let store = database.open().await?;
    let (mut model, mut holders) = (Model::default(), BTreeMap::new());
    for intention in &intentions {
        let before = store.audit_head().await?;
        let expected = model.apply(intention);
        let answer = ask(&store, intention, &mut holders).await;
        assert_eq!(answer.as_ref().map_err(named).copied(), expected, "{intention:?}");
        if answer.is_err() {
            assert_eq!(store.audit_head().await?, before, "what fails leaves nothing");
        }
    }
    compare(&store, &model).await?;
    store.close().await;
    compare(&database.open().await?, &model).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_store_does_what_the_model_does(intentions in vec(intention(), 1..120)) {
        let runtime = tokio::runtime::Runtime::new().expect("it starts");
        let kept = runtime.block_on(check(intentions));
        prop_assert!(kept.is_ok(), "{kept:?}");
    }
}
