//! Random intentions: the store answers and ends as its model does.

use crate::{
    database::Database,
    model::{Decision, Intention, Model, intention},
    sample::{
        CHAIN, NOW, account_nonce, attempt, block, change, ecdsa, new_wallet, owner, proposal_of,
        request, wallet,
    },
};
use alloy::primitives::{B256, U256, keccak256};
use eyre::Result;
use proptest::{collection::vec, prelude::*};
use quorate_core::{
    Reason, Status,
    status::{Failure, FailureReason, StatusChange},
};
use quorate_store::{
    Accepted, AuditReport, ChainRecords, Horizon, Lease, LeaseAnswer, MinedAttempt, NewAttempt,
    NewProposal, NewSignature, Purpose, Recorded, Reservation, SendState, Settlement, Storage,
    Store, StoreError,
};
use std::collections::BTreeMap;

/// Those from 3 on are closed.
fn status(number: u8) -> Status {
    match number {
        0 => Status::Collecting { reason: None },
        1 => Status::Ready { reason: Some(Reason::Budget) },
        2 => Status::Submitted,
        3 => Status::Expired,
        4 => Status::Executed { tx_hash: B256::ZERO, block: block(3) },
        _ => Status::Superseded { by: Some(B256::ZERO) },
    }
}

/// As many as the revision says; none before there is one.
fn failures(revision: u64) -> Vec<Failure> {
    let failure = |number| Failure {
        tx_hash: B256::with_last_byte(number as u8),
        block: block(number),
        reason: FailureReason::Reverted,
    };
    (0..revision % 3).map(failure).collect()
}

fn holder(number: u8) -> String {
    format!("engine {number}")
}

fn named(error: &StoreError) -> &'static str {
    match error {
        StoreError::UnknownWallet { .. } => "unknown wallet",
        StoreError::UnknownProposal { .. } => "unknown proposal",
        StoreError::UnknownTransaction { .. } => "unknown transaction",
        StoreError::TooManyOpen { .. } => "too many",
        StoreError::LeaseLost { .. } => "lease lost",
        StoreError::Lost { .. } => "lost",
        StoreError::Gap { .. } => "gap",
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
        Intention::Change { epoch, wallet, sequence, revision, to, is_final } => {
            let digest = request_of(wallet, sequence).digest();
            let (ready_order, failures) = (Some(revision), failures(revision));
            let change = change(digest, revision, status(to));
            let change = StatusChange { is_final, ready_order, failures, ..change };
            store.change_status(&lease(epoch), change, NOW).await.map(recorded)
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
        Intention::Attempt {
            epoch,
            hash: (nonce, number, salt),
            is_noop,
            wallet: of,
            day,
            cost,
        } => {
            let new = NewAttempt {
                purpose: if is_noop { Purpose::Noop } else { Purpose::Create },
                wallet: of.map(|number| wallet(number).address),
                reservation: Reservation { day, amount: U256::from(cost) },
                ..attempt(nonce, number, salt)
            };
            store.record_attempt(&lease(epoch), new, NOW).await.map(recorded)
        }
        Intention::Mark { epoch, hash: (nonce, number, salt), to } => {
            let before = store.audit_head().await?;
            let tx_hash = keccak256(attempt(nonce, number, salt).raw);
            let states = [SendState::Unknown, SendState::Accepted, SendState::Rejected];
            let state = states[usize::from(to)];
            store.mark_sent(&lease(epoch), CHAIN, tx_hash, state, NOW).await?;
            news(store, before).await
        }
        Intention::Settle { epoch, nonce, decision } => {
            let before = store.audit_head().await?;
            store.settle_nonce(&lease(epoch), settlement(nonce, decision), NOW).await?;
            news(store, before).await
        }
    }
}

/// What tells nothing itself is asked about by what it left.
async fn news(store: &Store, before: B256) -> Result<&'static str, StoreError> {
    Ok(if store.audit_head().await? == before { "known" } else { "done" })
}

fn settlement(nonce: u64, decision: Decision) -> Settlement {
    let mined = decision.mined.map(|(number, salt, fee, is_reverted)| MinedAttempt {
        tx_hash: keccak256(attempt(nonce, number, salt).raw),
        is_reverted,
        gas_used: 21_000,
        fee: U256::from(fee),
        l1_fee: None,
        operator_fee: None,
    });
    Settlement { account_nonce: account_nonce(nonce), block: block(decision.block), mined }
}

/// What the store has is what the model has.
async fn compare(store: &Store, model: &Model) -> Result<()> {
    let proposals = store.list_proposals(Default::default(), None, 1_000).await?.items;
    assert_eq!(proposals.len(), model.proposals.len());
    for (&(wallet, sequence), expected) in &model.proposals {
        let digest = request_of(wallet, sequence).digest();
        let found = store.find_proposal(digest).await?.expect("it is stored");
        assert_eq!((found.status, found.is_final), (status(expected.status), expected.is_final));
        assert_eq!((found.revision, found.proposer), (expected.revision, owner(expected.by)));
        let ready_order = (expected.revision > 0).then_some(expected.revision);
        assert_eq!((found.ready_order, found.failures), (ready_order, failures(expected.revision)));
        let signatures = found.signatures.into_iter().map(|kept| (kept.owner, kept.signature));
        let expected = expected.signatures.iter().map(|(&by, &number)| (owner(by), ecdsa(number)));
        assert!(signatures.eq(expected));
    }
    let sender = account_nonce(0).sender;
    assert_eq!(store.next_account_nonce(CHAIN, sender).await?, model.next());
    let all = store.chain_records(CHAIN, Horizon { since: NOW, day: 0 }).await?;
    assert_eq!((all.wallets.len(), all.proposals.len()), (model.wallets.len(), proposals.len()));
    compare_attempts(&all, model);
    // Behind all that happened, only what is not over is left.
    let open = store.chain_records(CHAIN, Horizon { since: NOW + 1, day: 0 }).await?;
    assert!(open.attempts.iter().eq(all.attempts.iter().filter(|found| found.settled.is_none())));
    assert!(open.proposals.iter().eq(all.proposals.iter().filter(|found| !found.is_final)));
    let report = store.verify_audit(Some(store.audit_head().await?)).await?;
    assert!(matches!(report, AuditReport::Whole { .. }), "{report:?}");
    Ok(())
}

fn compare_attempts(all: &ChainRecords, model: &Model) {
    let found = all.attempts.iter().map(|found| {
        let nonce = found.account_nonce.nonce;
        (nonce, found.tx_hash, found.state.word(), found.settled, found.revision)
    });
    let expected = model.taken.iter().flat_map(|(&nonce, taken)| {
        (0..).zip(&taken.attempts).map(move |(number, tried)| {
            let tx_hash = keccak256(attempt(nonce, number, tried.salt).raw);
            (nonce, tx_hash, tried.word, tried.settled.map(block), tried.revision)
        })
    });
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let budgets = all.budgets.iter().map(|budget| {
        let usage = (budget.usage.reserved.to(), budget.usage.spent.to());
        ((budget.wallet, budget.day), usage)
    });
    let expected = model
        .budgets()
        .into_iter()
        .map(|((of, day), usage)| ((of.map(|number| wallet(number).address), day), usage));
    let (budgets, expected): (BTreeMap<_, (u64, u64)>, BTreeMap<_, _>) =
        (budgets.collect(), expected.collect());
    assert_eq!(budgets, expected);
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
        if matches!(answer, Err(_) | Ok("known" | "kept" | "held")) {
            assert_eq!(store.audit_head().await?, before, "{intention:?} left something");
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
